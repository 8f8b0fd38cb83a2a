//! Where settings come from, as the program takes them.

use crate::support::Instance;

/// The address the program says it is reached at.
fn public_url(instance: &mut Instance, arguments: &[&str]) -> String {
    instance.start(arguments);
    let address = instance.address.clone();
    instance.stop();
    address
}

#[test]
fn options_win_over_the_environment_over_the_file() {
    let mut instance = Instance::new();
    let file = instance.folder.path().join("runnel.toml");
    std::fs::write(&file, "public_url = \"http://file.example\"\nlog_format = \"json\"\n").expect("a file");
    assert_eq!(public_url(&mut instance, &[]), "http://file.example/");
    let first = instance.log().lines().next().unwrap_or_default().to_owned();
    let line: serde_json::Value = serde_json::from_str(&first).expect("a line of the log is JSON");
    assert_eq!(line["message"], "ready");
    assert_eq!(
        public_url(&mut instance, &["--public-url", "http://option.example"]),
        "http://option.example/"
    );
}

#[test]
fn a_setting_that_is_wrong_ends_the_start_with_its_place_and_a_fix() {
    let instance = Instance::new();
    let file = instance.folder.path().join("runnel.toml");
    std::fs::write(&file, "\nlisten_address = \"127.0.0.1:1\"\n").expect("a file");
    let (code, out, err) = instance.run(&["serve"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("runnel.toml, line 2: listen_address is no setting"), "{err}");

    std::fs::write(&file, "database_url = \"postgres://me:hunter2@127.0.0.1:1/none\"\n").expect("a file");
    let (code, out, err) = instance.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("PostgreSQL at 127.0.0.1:1/none") && !err.contains("hunter2"), "{err}");
}

#[test]
fn an_address_in_use_is_named() {
    let instance = Instance::new();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = holder.local_addr().expect("it has an address").to_string();
    let (code, _, err) = instance.run(&["serve", "--listen", &taken, "--metrics-listen", "off"]);
    drop(holder);
    assert_eq!(code, 2);
    assert!(err.contains(&taken) && err.contains("--listen"), "{err}");
}
