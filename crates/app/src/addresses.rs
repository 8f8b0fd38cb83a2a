//! Addresses that let whoever knows them do one thing with one execution: see how it stands, or end its wait. Nothing of
//! them is stored.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::ids::{ExecutionId, WorkspaceId};

use crate::secrets::{Purpose, RootKey};

/// The address that shows how an execution stands, below the public address of the instance.
pub fn status_address(
    key: &RootKey,
    public_url: &str,
    workspace: WorkspaceId,
    execution: ExecutionId,
) -> String {
    format!("{public_url}hooks-status/{execution}/{}", make(key, Purpose::StatusUrls, workspace, execution))
}

/// The address that ends a wait of an execution, below the public address of the instance.
pub fn resume_address(
    key: &RootKey,
    public_url: &str,
    workspace: WorkspaceId,
    execution: ExecutionId,
) -> String {
    format!("{public_url}hooks-waiting/{execution}/{}", make(key, Purpose::ResumeUrls, workspace, execution))
}

/// The token for this purpose: the tenant, and 256 bits that only this instance can make.
fn make(key: &RootKey, purpose: Purpose, workspace: WorkspaceId, execution: ExecutionId) -> String {
    let mut bytes = [0; 48];
    bytes[..16].copy_from_slice(workspace.as_bytes());
    bytes[16..].copy_from_slice(&key.tag(purpose, &[workspace.as_bytes(), execution.as_bytes()]));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The tenant of the execution that a token is for; `None` when it was not made for it.
pub fn open(key: &RootKey, purpose: Purpose, execution: ExecutionId, token: &str) -> Option<WorkspaceId> {
    let mut bytes = [0; 48];
    let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok()?;
    let (workspace, tag) = bytes.split_at(16);
    let workspace = WorkspaceId::from_bytes(workspace.try_into().expect("it was split there"));
    let parts = [workspace.as_bytes().as_slice(), execution.as_bytes()];
    (length == 48 && key.verify(purpose, &parts, tag)).then_some(workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a33_a_token_is_good_for_one_purpose_and_one_execution() {
        let key = RootKey::new([7; 32]);
        let workspace = WorkspaceId::new(1, [1; 10]);
        let (execution, other) = (ExecutionId::new(2, [2; 10]), ExecutionId::new(2, [3; 10]));
        let token = make(&key, Purpose::ResumeUrls, workspace, execution);
        assert_eq!(open(&key, Purpose::ResumeUrls, execution, &token), Some(workspace));
        assert_eq!(open(&key, Purpose::ResumeUrls, other, &token), None);
        assert_eq!(open(&key, Purpose::StatusUrls, execution, &token), None);
        assert_eq!(open(&RootKey::new([8; 32]), Purpose::ResumeUrls, execution, &token), None);
        for index in [0, 20, 30, 63] {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("it is text");
            assert_eq!(open(&key, Purpose::ResumeUrls, execution, &changed), None);
        }
        for short in ["", &token[..63], &format!("{token}A")] {
            assert_eq!(open(&key, Purpose::ResumeUrls, execution, short), None);
        }
    }
}
