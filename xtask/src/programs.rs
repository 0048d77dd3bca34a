//! The programs that tests run. They are listed in `test-programs.txt`, searched for before anything is built, and
//! installed if they are missing.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use crate::apt::{self, Unpacking};
use crate::command;
use crate::report::{self, Progress};
use crate::workspace::Workspace;

/// The list: one name and package per line.
const LIST: &str = include_str!("../test-programs.txt");

/// Chromium without its windows, which takes a third of the processor time.
const BROWSER: &str = "chromium-headless-shell";
/// Path of the browser for the tests, if it is not [`BROWSER`] on the `PATH`.
const BROWSER_VARIABLE: &str = "OMS_TEST_BROWSER";
/// Browsers that do as well, and their paths on macOS.
const OTHER_BROWSERS: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// A program that tests run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    package: &'static str,
}

/// The programs of the list.
pub(crate) fn listed() -> impl Iterator<Item = Program> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let (name, package) = line.split_once(' ')?;
        Some(Program { name, package })
    })
}

/// The locations of the tests' programs, for the environment of a test run.
pub(crate) struct Programs {
    /// A folder to append to the `PATH`.
    wrappers: Option<PathBuf>,
    /// The browser, unless it is found by its name.
    browser: Option<PathBuf>,
}

impl Programs {
    /// Finds every program of the list. If apt exists, missing programs are installed when running as root, and
    /// otherwise unpacked into `.oms/programs`.
    pub(crate) fn ensure(workspace: &Workspace) -> Result<Self> {
        let made_folder = workspace.made_folder()?;
        let unpacked = made_folder.join("programs/wrappers");
        let missing = missing(&unpacked);
        if !missing.is_empty() {
            provide(&made_folder, &missing)?;
        }
        Self::of(&unpacked)
    }

    fn of(unpacked: &Path) -> Result<Self> {
        let lacking: Vec<&str> = missing(unpacked).iter().map(|it| it.package).collect();
        if !lacking.is_empty() {
            bail!(
                "the tests run programs that are missing: install {} (Debian, Ubuntu: apt-get install {}); for a missing browser, \
                 {BROWSER_VARIABLE} may also name a Chromium or Chrome",
                lacking.join(", "),
                lacking.join(" ")
            );
        }
        let browser = browser(unpacked).filter(|it| Some(it) != on_path(BROWSER).as_ref());
        let wrappers = unpacked.exists().then(|| unpacked.to_owned());
        Ok(Self { wrappers, browser })
    }

    /// Lets a command and its child processes find the programs.
    pub(crate) fn lend(&self, command: &mut Command) {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(self.wrappers.clone());
        if let Ok(path) = env::join_paths(folders) {
            command.env("PATH", path);
        }
        if let Some(browser) = &self.browser {
            command.env(BROWSER_VARIABLE, browser);
        }
    }

    /// The assignments that a user puts before a command for the same effect.
    pub(crate) fn as_words(&self) -> String {
        let path = self.wrappers.iter();
        let path = path.map(|folder| format!("PATH=\"$PATH:{}\" ", folder.display()));
        let browser = self.browser.iter();
        let browser = browser.map(|file| format!("{BROWSER_VARIABLE}='{}' ", file.display()));
        path.chain(browser).collect()
    }
}

fn missing(unpacked: &Path) -> Vec<Program> {
    let is_missing = |program: &Program| match program.name {
        BROWSER => browser(unpacked).is_none(),
        name => on_path(name).is_none() && !unpacked.join(name).exists(),
    };
    listed().filter(is_missing).collect()
}

/// A browser that starts. An incomplete package has the program but not its libraries.
fn browser(unpacked: &Path) -> Option<PathBuf> {
    if let Some(named) = env::var_os(BROWSER_VARIABLE).filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let names = [BROWSER].into_iter().chain(OTHER_BROWSERS);
    let mut candidates = names
        .filter_map(on_path)
        .chain([unpacked.join(BROWSER)])
        .filter(|candidate| candidate.exists());
    candidates.find(|candidate| command::succeeds(Command::new(candidate).arg("--version")))
}

/// The file of a program on the `PATH`. A name with a `/` is a path.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut files = env::split_paths(&path).map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

fn provide(made_folder: &Path, missing: &[Program]) -> Result<()> {
    if !apt::is_there() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
    let names = names.join(", ");
    if Uid::effective().is_root() {
        let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
        return report::step(&format!("{names} installed with apt-get"), |progress| {
            apt::install(&packages, progress)
        });
    }
    report::step(
        &format!("{names} unpacked into .oms/programs"),
        |progress| unpack(made_folder, progress),
    )
}

/// Unpacks all packages that are not installed, so that an earlier folder can be replaced, and creates a wrapper for
/// each program.
fn unpack(made_folder: &Path, progress: &Progress) -> Result<()> {
    let unpacking = Unpacking::begin(made_folder, "programs", progress)?;
    let all: Vec<&str> = listed().map(|program| program.package).collect();
    unpacking.unpack(&unpacking.needed(&all)?)?;
    let wrappers = unpacking.partial().join("wrappers");
    fs::create_dir_all(&wrappers)
        .with_context(|| format!("{} cannot be created", wrappers.display()))?;
    for program in listed() {
        let file = file_of(unpacking.partial(), program.name);
        if let Some(file) = file {
            write_wrapper(
                &wrappers.join(program.name),
                &made_folder.join("programs"),
                &file,
            )?;
        }
    }
    unpacking.finish()
}

/// The path of the program in the folder into which it was unpacked. `/usr/bin/chromium-headless-shell` is a script that
/// looks for it under `/usr`.
fn file_of(partial: &Path, name: &str) -> Option<String> {
    let mut places = [
        format!("usr/lib/chromium/{name}"),
        format!("usr/bin/{name}"),
        format!("bin/{name}"),
    ]
    .into_iter();
    places.find(|place| partial.join(place).is_file())
}

/// Unpacked programs find their libraries, fonts and data only through these variables.
fn write_wrapper(path: &Path, folder: &Path, file: &str) -> Result<()> {
    let folder = folder.display();
    let libraries = format!("{folder}/usr/lib/{}-linux-gnu", env::consts::ARCH);
    let text = format!(
        "#!/bin/sh\n\
         export LD_LIBRARY_PATH=\"{libraries}:{libraries}/pulseaudio:{folder}/lib/{arch}-linux-gnu\"\n\
         [ -d /etc/fonts ] || export FONTCONFIG_PATH=\"{folder}/etc/fonts\"\n\
         exec \"{folder}/{file}\" \"$@\"\n",
        arch = env::consts::ARCH
    );
    let executable = fs::Permissions::from_mode(0o755);
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, executable))
        .with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_programs_and_their_packages() {
        let programs: Vec<Program> = listed().collect();
        assert!(programs.contains(&Program {
            name: "sh",
            package: "dash"
        }));
        let lines = LIST.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(programs.len(), lines.count());
    }

    #[test]
    fn a_program_is_found_on_the_path_or_by_its_file() {
        assert!(on_path("sh").is_some());
        assert!(on_path("/bin/sh").is_some());
        assert!(on_path("no-such-program").is_none());
    }

    #[test]
    fn a_wrapper_runs_the_unpacked_program_with_its_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("usr/bin/greet");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "#!/bin/sh\necho \"$LD_LIBRARY_PATH\" \"$@\"\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();

        let found = file_of(folder.path(), "greet").unwrap();
        assert_eq!(found, "usr/bin/greet");
        let wrapper = folder.path().join("greet");
        write_wrapper(&wrapper, folder.path(), &found).unwrap();
        let said = command::capture(Command::new(&wrapper).args(["a b", "c"])).unwrap();
        assert!(said.trim().ends_with("-linux-gnu a b c"), "{said}");
        assert!(
            said.starts_with(&folder.path().display().to_string()),
            "{said}"
        );
    }
}
