//! Who asks, and what they may do. Everything is denied that no permission allows.

use model::ids::{ApiKeyId, UserId, WorkspaceId};
use store::workspaces::Role;

use crate::error::{Error, Result};

/// Who asks: a person in a workspace, with what their role and their key allow together.
#[derive(Clone, Debug)]
pub struct Actor {
    workspace: WorkspaceId,
    user: UserId,
    key: Option<ApiKeyId>,
    permissions: Permissions,
}

impl Actor {
    /// A person who acts in a workspace with these permissions.
    pub fn new(
        workspace: WorkspaceId,
        user: UserId,
        key: Option<ApiKeyId>,
        permissions: Permissions,
    ) -> Self {
        Self { workspace, user, key, permissions }
    }

    /// The workspace, if the permission is there.
    pub fn require(&self, permission: Permission) -> Result<WorkspaceId> {
        if self.permissions.allow(permission) {
            Ok(self.workspace)
        } else {
            Err(Error::Forbidden(permission))
        }
    }

    /// Whether the permission is there.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.allow(permission)
    }

    /// The workspace. Its rows are nobody's without a permission: prefer [`require`](Self::require).
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// The person.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The key they came with.
    pub fn key(&self) -> Option<ApiKeyId> {
        self.key
    }

    /// Everything they may do.
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal)*) => {
        /// What somebody may be allowed to do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// Every permission.
            pub const ALL: &[Permission] = &[$(Permission::$name),*];

            /// The word that keys and documents use.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Permission::$name => $word,)*
                }
            }
        }
    };
}

permissions! {
    /// See workflows, their drafts and versions.
    ReadWorkflows = "workflows:read"
    /// Create, change and delete workflows.
    EditWorkflows = "workflows:edit"
    /// Publish, pause and activate workflows.
    PublishWorkflows = "workflows:publish"
    /// Start, cancel, pause, resume and retry executions, answer waits, preview expressions.
    Execute = "executions:execute"
    /// See executions: status, steps, times, errors.
    ReadExecutions = "executions:read"
    /// See the data that went through executions, and their logs.
    ReadExecutionData = "executions:data"
    /// Delete executions.
    DeleteExecutions = "executions:delete"
    /// See which credentials there are, without their secrets.
    ReadCredentials = "credentials:read"
    /// Create and delete credentials.
    EditCredentials = "credentials:edit"
    /// Create, list and delete API keys.
    ManageKeys = "keys:manage"
}

impl Permission {
    /// The permission with this word.
    pub fn find(word: &str) -> Option<Self> {
        Permission::ALL.iter().copied().find(|permission| permission.as_str() == word)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permissions {
    /// None at all.
    pub const NONE: Permissions = Permissions(0);
    /// All there are.
    pub const ALL: Permissions = Permissions((1 << Permission::ALL.len()) - 1);

    /// Whether it has the permission.
    pub fn allow(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// What both have.
    pub fn and(self, other: Permissions) -> Permissions {
        Permissions(self.0 & other.0)
    }

    /// Whether the other set has nothing more.
    pub fn cover(self, other: Permissions) -> bool {
        other.0 & !self.0 == 0
    }

    /// The permissions, in order.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.allow(*permission))
    }

    /// The set as words; `*` for all of them, those of later versions included.
    pub fn words(self) -> Vec<String> {
        if self == Permissions::ALL {
            return vec!["*".to_owned()];
        }
        self.iter().map(|permission| permission.as_str().to_owned()).collect()
    }

    /// The set of these words; the first word that means nothing otherwise.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Permissions, &'a str> {
        words.into_iter().try_fold(Permissions::NONE, |set, word| match word {
            "*" => Ok(Permissions::ALL),
            word => {
                let permission = Permission::find(word).ok_or(word)?;
                Ok(Permissions(set.0 | permission.bit()))
            }
        })
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Permissions(permissions.into_iter().fold(0, |set, permission| set | permission.bit()))
    }
}

/// What a member's role allows.
pub fn permissions_of_role(role: Role) -> Permissions {
    use Permission::*;
    match role {
        Role::Owner | Role::Admin => Permissions::ALL,
        Role::Editor => Permissions::ALL.iter().filter(|permission| *permission != ManageKeys).collect(),
        Role::Viewer => {
            [ReadWorkflows, ReadExecutions, ReadExecutionData, ReadCredentials].into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_denied_that_no_permission_allows() {
        assert!(Permission::ALL.iter().all(|permission| !Permissions::NONE.allow(*permission)));
        let viewer = permissions_of_role(Role::Viewer);
        assert!(!viewer.allow(Permission::Execute) && !viewer.allow(Permission::EditWorkflows));
    }

    #[test]
    fn words_and_sets_are_the_same_thing() {
        for permission in Permission::ALL {
            let set = Permissions::parse([permission.as_str()]).expect("the word is known");
            assert_eq!(set.iter().collect::<Vec<_>>(), [*permission]);
        }
        assert_eq!(Permissions::parse(["*"]), Ok(Permissions::ALL));
        assert_eq!(Permissions::parse(["workflows:read", "workflows:rule"]), Err("workflows:rule"));
        assert_eq!(Permissions::ALL.words(), ["*"]);
    }

    #[test]
    fn a_set_covers_only_what_it_has() {
        let (editor, viewer) = (permissions_of_role(Role::Editor), permissions_of_role(Role::Viewer));
        assert!(editor.cover(viewer) && !viewer.cover(editor) && !editor.cover(Permissions::ALL));
    }
}
