//! The files of the pages: one stylesheet, htmx, and the icon. A file's address has the hash of its content, so that a
//! browser keeps it for ever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// A file.
pub(super) struct File {
    name: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: &'static [u8],
}

static FILES: [File; 3] = [
    File {
        name: "console.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/console.css"),
    },
    File {
        name: "htmx.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/htmx.min.js"),
    },
    File {
        name: "icon.svg",
        content_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/icon.svg"),
    },
];

static ADDRESSES: LazyLock<[String; FILES.len()]> = LazyLock::new(|| {
    FILES.each_ref().map(|file| {
        let hash = Sha256::digest(file.bytes);
        let hash: String = hash
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let (stem, ending) = file.name.split_once('.').unwrap_or((file.name, ""));
        format!("/console/assets/{stem}.{hash}.{ending}")
    })
});

/// The address of a file.
///
/// # Panics
/// If there is no such file, which a template would have misspelt.
pub(crate) fn address(name: &str) -> &'static str {
    let index = FILES.iter().position(|file| file.name == name);
    &ADDRESSES[index.expect("templates name files that exist")]
}

/// The file at an address, if there is one.
pub(super) fn at(address: &str) -> Option<&'static File> {
    let index = ADDRESSES.iter().position(|it| it == address)?;
    FILES.get(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_are_small() {
        let bytes: usize = FILES.iter().map(|file| file.bytes.len()).sum();
        assert!(bytes <= 120_000, "{bytes}");
    }

    #[test]
    fn an_address_changes_with_the_content() {
        for file in &FILES {
            let (stem, _) = file.name.split_once('.').unwrap();
            let address = address(file.name);
            let hash = address.trim_start_matches(&format!("/console/assets/{stem}."));
            assert_eq!(hash.split_once('.').unwrap().0.len(), 16, "{address}");
        }
        assert_ne!(address("console.css"), address("htmx.js"));
    }
}
