//! The files of the pages: one stylesheet, htmx, and the icon. The program has them compressed, by the build script, and
//! sends them so, because every browser reads gzip. A file's address has the hash of its content, so that a
//! browser keeps it for ever.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The coding of all files.
pub(super) const CODING: &str = "gzip";

/// A file.
pub(super) struct File {
    name: &'static str,
    pub(super) content_type: &'static str,
    /// Compressed with [`CODING`].
    pub(super) bytes: &'static [u8],
}

static FILES: [File; 3] = [
    File {
        name: "console.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!(concat!(env!("OUT_DIR"), "/console.css.gz")),
    },
    File {
        name: "htmx.js",
        content_type: "text/javascript; charset=utf-8",
        bytes: include_bytes!(concat!(env!("OUT_DIR"), "/htmx.min.js.gz")),
    },
    File {
        name: "icon.svg",
        content_type: "image/svg+xml",
        bytes: include_bytes!(concat!(env!("OUT_DIR"), "/icon.svg.gz")),
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
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn content(file: &File) -> Vec<u8> {
        let mut content = Vec::new();
        let decoded = GzDecoder::new(file.bytes).read_to_end(&mut content);
        decoded.unwrap();
        content
    }

    #[test]
    fn all_files_together_are_small() {
        let sent: usize = FILES.iter().map(|file| file.bytes.len()).sum();
        assert!(sent <= 30_000, "{sent}");
        let bytes: usize = FILES.iter().map(|file| content(file).len()).sum();
        assert!(bytes <= 120_000, "{bytes}");
    }

    #[test]
    fn files_are_those_of_the_folder() {
        let folder = [
            &include_bytes!("../../assets/console.css")[..],
            include_bytes!("../../assets/htmx.min.js"),
            include_bytes!("../../assets/icon.svg"),
        ];
        assert_eq!(FILES.each_ref().map(content), folder);
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
