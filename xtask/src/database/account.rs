//! The operating-system account that runs a private cluster, and a folder that this account can access.
//!
//! PostgreSQL refuses to run as root. Any other user runs it directly.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::sys::statvfs::statvfs;
use nix::unistd::{Uid, User};

use crate::command;
use crate::workspace::write_whole;

/// An unprivileged account.
#[derive(Clone)]
pub(super) struct Account {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account that runs PostgreSQL. `None` is the current user.
    pub(super) fn for_server() -> Result<Option<Self>> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) =
                User::from_name(name).context("the accounts of this machine cannot be read")?
            {
                return Ok(Some(Self {
                    name: user.name,
                    uid: user.uid.as_raw(),
                    gid: user.gid.as_raw(),
                }));
            }
        }
        bail!(
            "PostgreSQL cannot run as root, and there is no account `postgres` or `nobody`: create one, or run as another user"
        )
    }

    /// The account that owns a cluster, if there is one. It may differ from the current choice: if PostgreSQL was
    /// installed for the first cluster, its package added the account `postgres` after `nobody` had been chosen.
    fn owning(data: &Path) -> Option<Self> {
        let uid = Uid::from_raw(fs::metadata(data).ok()?.uid());
        let user = User::from_uid(uid).ok()??;
        (!uid.is_root()).then(|| Self {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        })
    }

    /// Makes the command run as this account. As root, the standard library also drops the supplementary groups.
    pub(super) fn apply(&self, command: &mut Command) {
        command
            .uid(self.uid)
            .gid(self.gid)
            .env("HOME", "/")
            .env("USER", &self.name)
            .env("LOGNAME", &self.name);
    }
}

/// The file system in memory that Linux provides.
const MEMORY: &str = "/dev/shm";

/// Bytes that must be free in [`MEMORY`].
const ROOM_IN_MEMORY: u64 = 6 * 1024 * 1024 * 1024;

/// Where the data of a cluster may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// On disk.
    Disk,
    /// In memory if there is room. Creating and dropping thousands of databases keeps ext4 busy looking for inodes that
    /// were not deleted within the last minute: 0.6 to 1.7 s for a database, instead of 0.1 s.
    MemoryIfPossible,
}

/// The folder for a cluster: in memory if it may be, under the project if the account can access it, otherwise a system
/// folder. The choice is recorded in `<name>-folder` under the project, so that later runs find the same data. Also
/// returns the account to use: the owner of the cluster in the folder, or else the given one.
pub(super) fn reachable_folder(
    made_folder: &Path,
    name: &str,
    medium: Medium,
    account: Option<Account>,
) -> Result<(PathBuf, Option<Account>)> {
    let record = made_folder.join(format!("{name}-folder"));
    if let Ok(recorded) = fs::read_to_string(&record) {
        let folder = PathBuf::from(recorded.trim());
        let account = account_of(&folder, account);
        make_folder(&folder, account.as_ref())?;
        return Ok((folder, account));
    }
    let folder = made_folder.join(name);
    let owner = account_of(&folder, account);
    let account = owner.as_ref();
    let is_new = !folder.join("data").exists();
    if medium == Medium::MemoryIfPossible && is_new && has_room(Path::new(MEMORY)) {
        let in_memory = folder_of(MEMORY, made_folder).join(name);
        make_folder(&in_memory, account)?;
        if can_write(&in_memory, account) {
            write_whole(&record, &format!("{}\n", in_memory.display()))?;
            return Ok((in_memory, owner));
        }
    }
    make_folder(&folder, account)?;
    if can_write(&folder, account) {
        return Ok((folder, owner));
    }
    let fallback = folder_of("/var/lib", made_folder).join(name);
    make_folder(&fallback, account)?;
    if !can_write(&fallback, account) {
        let who = account.map_or("this user", |account| &account.name);
        bail!(
            "{who} can write neither to {} nor to {}: check the free disk space and the permissions of the folders",
            folder.display(),
            fallback.display()
        );
    }
    write_whole(&record, &format!("{}\n", fallback.display()))?;
    fs::remove_dir(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    Ok((fallback, owner))
}

/// The folder of a project in a system folder.
fn folder_of(system_folder: &str, made_folder: &Path) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    made_folder.hash(&mut hasher);
    Path::new(system_folder).join(format!("oms-{:016x}", hasher.finish()))
}

fn has_room(folder: &Path) -> bool {
    let free = statvfs(folder).map(|found| {
        let (blocks, size) = (found.blocks_available(), found.fragment_size());
        wide(blocks).saturating_mul(wide(size))
    });
    free.is_ok_and(|free| free >= ROOM_IN_MEMORY)
}

/// The types of these numbers differ between systems.
fn wide(number: impl Into<u64>) -> u64 {
    number.into()
}

fn account_of(folder: &Path, account: Option<Account>) -> Option<Account> {
    let chosen = account?;
    Some(Account::owning(&folder.join("data")).unwrap_or(chosen))
}

fn make_folder(folder: &Path, account: Option<&Account>) -> Result<()> {
    let made = fs::create_dir_all(folder).and_then(|()| match account {
        Some(account) => chown(folder, Some(account.uid), Some(account.gid)),
        None => Ok(()),
    });
    made.and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o700)))
        .map_err(|error| {
            let advice = match error.kind() {
                ErrorKind::StorageFull => "free some disk space",
                _ => "make it writable, or remove it if another user created it",
            };
            anyhow::Error::new(error).context(format!(
                "{} cannot be prepared ({advice})",
                folder.display()
            ))
        })
}

/// Tests this by writing as the account itself, because a parent folder may be inaccessible to it.
fn can_write(folder: &Path, account: Option<&Account>) -> bool {
    let mut probe = Command::new("/bin/sh");
    probe
        .args(["-c", "cd \"$1\" && echo probe >probe && rm probe", "sh"])
        .arg(folder)
        .current_dir("/");
    if let Some(account) = account {
        account.apply(&mut probe);
    }
    command::succeeds(&mut probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> Account {
        let user = User::from_name(name).unwrap().unwrap();
        Account {
            name: user.name,
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
        }
    }

    #[test]
    fn a_folder_that_is_missing_has_no_room() {
        assert!(!has_room(Path::new("/nowhere")));
    }

    #[test]
    fn each_project_has_a_folder_of_its_own() {
        let of = |project: &str| folder_of(MEMORY, Path::new(project));
        assert_eq!(of("/a"), of("/a"));
        assert_ne!(of("/a"), of("/b"));
    }

    #[test]
    fn a_cluster_keeps_the_account_that_created_it() {
        let folder = tempfile::tempdir().unwrap();
        let chosen = account("daemon");
        let of_new = account_of(folder.path(), Some(chosen.clone()));
        assert_eq!(of_new.unwrap().name, "daemon");

        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        if Uid::effective().is_root() {
            chown(&data, Some(account("nobody").uid), None).unwrap();
        }
        let maker = fs::metadata(&data).unwrap().uid();
        let of_old = account_of(folder.path(), Some(chosen));
        assert_eq!(of_old.unwrap().uid, maker);
        assert!(account_of(folder.path(), None).is_none());
    }
}
