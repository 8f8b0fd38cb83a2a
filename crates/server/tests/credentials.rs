//! Credentials: in, and never out again.

mod support;

use serde_json::json;
use support::TestServer;

#[tokio::test]
async fn a_secret_goes_in_and_never_comes_out() {
    let (server, owner) = TestServer::with_owner().await;
    let secret = "canary-7f3a9c";
    let input =
        json!({ "name": "CRM", "kind": "httpHeaderAuth", "fields": { "name": "X-Key", "value": secret } });
    let created = owner.post("/api/v1/credentials", input.clone()).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.json()["id"].as_str().expect("an id").to_owned();
    let listed = owner.get("/api/v1/credentials").await;
    assert_eq!(listed.json()["items"][0]["name"], "CRM");
    for answer in [&created, &listed] {
        assert!(!String::from_utf8_lossy(&answer.body).contains(secret));
    }
    owner.post("/api/v1/credentials", input).await.problem(409);
    let folder = server.stop().await;
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the secret is in {}", path.display());
        }
    }
    assert_eq!(id.len(), 36);
}

#[tokio::test]
async fn a_credential_that_is_deleted_is_gone() {
    let (_server, owner) = TestServer::with_owner().await;
    let input = json!({ "name": "CRM", "kind": "httpHeaderAuth", "fields": {} });
    let id = owner.post("/api/v1/credentials", input).await.ok(201)["id"].as_str().expect("an id").to_owned();
    assert_eq!(owner.delete(&format!("/api/v1/credentials/{id}")).await.status, 204);
    owner.delete(&format!("/api/v1/credentials/{id}")).await.problem(404);
    for wrong in
        [json!({ "name": "", "kind": "x", "fields": {} }), json!({ "name": "a", "kind": "x", "fields": [] })]
    {
        owner.post("/api/v1/credentials", wrong).await.problem(422);
    }
}
