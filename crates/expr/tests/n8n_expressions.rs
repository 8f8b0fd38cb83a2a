//! n8n's own expressions and those of public workflows, with the results n8n gives.
//!
//! The data stand in `shared/conformance` beside the checkout; without it the tests say so and check nothing.

#![allow(clippy::print_stderr, reason = "the failures are the point of the test")]

mod n8n;

use n8n::Case;

/// Runs all cases of a file and checks that at least this share of them give n8n's result.
fn check(file: &str, share: f64) {
    let Some(cases) = n8n::cases(file) else {
        eprintln!("shared/conformance/n8n/{file} is not there: nothing was checked");
        return;
    };
    let failures: Vec<String> = cases.iter().filter_map(Case::failure).collect();
    for failure in &failures {
        eprintln!("{failure}");
    }
    let passed = cases.len() - failures.len();
    eprintln!("{file}: {passed} of {} as in n8n", cases.len());
    assert!(passed as f64 >= share * cases.len() as f64);
}

#[test]
fn expressions_of_n8ns_tests_give_n8ns_results() {
    check("expressions.json", 0.97);
}

#[test]
fn expressions_of_public_workflows_give_n8ns_results() {
    check("expressions_real.json", 0.97);
}
