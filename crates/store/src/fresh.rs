//! New identities and random bytes.

use jiff::Timestamp;

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    bytes
}

/// A new identity, greater than earlier ones: `fresh(WorkflowId::new)`.
pub(crate) fn fresh<Id>(make: impl FnOnce(u64, [u8; 10]) -> Id) -> Id {
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    make(now, random())
}
