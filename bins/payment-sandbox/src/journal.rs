//! The state file: one JSON line per change, appended and passed to the kernel before the answer is sent. So it
//! survives a killed process, but not a power failure, because there is no fsync. Knows nothing of what the changes
//! mean.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use crate::ledger::Change;

/// The open journal. While it is open, no other process can use it.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    length: u64,
    line: Vec<u8>,
    _lock: File,
}

/// The exclusive right to use a journal.
#[derive(Debug)]
pub(crate) struct JournalLock(File);

/// Locks the journal for this process, and creates its folder if needed.
///
/// # Errors
/// When the place is not writable, or another process has the journal.
pub(crate) fn lock(path: &Path) -> anyhow::Result<JournalLock> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).with_context(|| {
            format!(
                "cannot create the folder of the state file {}",
                path.display()
            )
        })?;
    }
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(beside(path, "lock"))
        .with_context(|| format!("cannot write the state file {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(JournalLock(file)),
        Err(fs::TryLockError::WouldBlock) => {
            bail!(
                "the state file {} is in use by another payment-sandbox",
                path.display()
            )
        }
        Err(fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the state file {}", path.display()))
        }
    }
}

/// Reads all changes. An incomplete last line is ignored, because its answer was never sent.
///
/// # Errors
/// When the file can't be read, or a complete line of it is invalid.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Change>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text =
        fs::read(path).with_context(|| format!("cannot read the state file {}", path.display()))?;
    let complete = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    text[..complete]
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| {
            serde_json::from_slice(line).with_context(|| {
                format!(
                    "line {} of the state file {} is damaged (remove the file to start afresh)",
                    index + 1,
                    path.display()
                )
            })
        })
        .collect()
}

impl Journal {
    /// Rewrites the journal with these changes.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(crate) fn compacted(
        path: &Path,
        lock: JournalLock,
        changes: impl Iterator<Item = Change>,
    ) -> anyhow::Result<Self> {
        let write = || -> anyhow::Result<File> {
            let fresh = beside(path, "compact");
            let mut writer = BufWriter::new(File::create(&fresh)?);
            for change in changes {
                serde_json::to_writer(&mut writer, &change)?;
                writer.write_all(b"\n")?;
            }
            writer.into_inner().map_err(|error| error.into_error())?;
            fs::rename(&fresh, path)?;
            Ok(OpenOptions::new().append(true).open(path)?)
        };
        let file =
            write().with_context(|| format!("cannot write the state file {}", path.display()))?;
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            length,
            line: Vec::new(),
            _lock: lock.0,
        })
    }

    /// Appends a change.
    ///
    /// # Errors
    /// When it can't be written; the journal is then unchanged.
    pub(crate) fn append(&mut self, change: &Change) -> anyhow::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, change)?;
        self.line.push(b'\n');
        if let Err(error) = self.file.write_all(&self.line) {
            self.file.set_len(self.length)?;
            return Err(error).context("cannot append to the state file");
        }
        self.length += self.line.len() as u64;
        Ok(())
    }

    /// Empties the journal.
    ///
    /// # Errors
    /// When the file can't be emptied.
    pub(crate) fn clear(&mut self) -> anyhow::Result<()> {
        self.file
            .set_len(0)
            .context("cannot empty the state file")?;
        self.length = 0;
        Ok(())
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{answer::Answer, idempotency::KeyUse};

    fn change(key: &str) -> Change {
        let used = KeyUse {
            key: key.into(),
            path: "/p".into(),
            fingerprint: "f".into(),
        };
        let answer = Answer {
            status: 200,
            body: "{}\n".into(),
        };
        Change {
            key: Some(used.executed(&answer, "req", 1)),
            ..Change::default()
        }
    }

    fn open(path: &Path) -> Journal {
        let lock = lock(path).unwrap();
        let changes = read(path).unwrap();
        Journal::compacted(path, lock, changes.into_iter()).unwrap()
    }

    #[test]
    fn appended_changes_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/journal");
        let mut journal = open(&path);
        journal.append(&change("a")).unwrap();
        journal.append(&change("b")).unwrap();
        assert_eq!(read(&path).unwrap(), [change("a"), change("b")]);
        journal.clear().unwrap();
        journal.append(&change("c")).unwrap();
        assert_eq!(read(&path).unwrap(), [change("c")]);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_the_next_change_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        open(&path).append(&change("a")).unwrap();
        let mut text = fs::read(&path).unwrap();
        let torn = text[..text.len() / 2].to_vec();
        text.extend(torn);
        fs::write(&path, &text).unwrap();

        open(&path).append(&change("b")).unwrap();
        assert_eq!(read(&path).unwrap(), [change("a"), change("b")]);
    }

    #[test]
    fn damage_in_the_middle_is_reported_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        fs::write(&path, "{}\n{oops\n{}\n").unwrap();
        assert!(format!("{:#}", read(&path).unwrap_err()).contains("line 2"));
    }

    #[test]
    fn a_journal_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let _journal = open(&path);
        assert!(lock(&path).unwrap_err().to_string().contains("in use"));
    }
}
