//! The features with which everything is built, tested and linted.

use crate::workspace::Workspace;

/// The features for the build and all tests: [`FEATURE`](super::failpoints::FEATURE), and brokers that a plain build
/// leaves out.
pub(super) const TESTED: &str = "oms-api/failpoints,oms-api/kafka";
const FEATURES: [&str; 2] = ["--features", TESTED];

/// The feature that lints and the documentation leave out: no code of ours depends on it, and librdkafka would be built
/// a second time, with TLS.
const NOT_CHECKED: &str = "kafka-tls";

/// The features for lints and the documentation: all, so that tests behind a feature are included, but [`NOT_CHECKED`].
pub(super) fn checked_features(workspace: &Workspace) -> String {
    let packages = workspace.packages.iter();
    let features = packages.flat_map(|package| {
        let features = package.features.keys();
        let checked = features.filter(|feature| *feature != NOT_CHECKED);
        checked.map(|feature| format!("{}/{feature}", package.name))
    });
    features.collect::<Vec<_>>().join(",")
}

/// A command of cargo for the build or the tests.
pub(super) fn with_features<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &FEATURES].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_checked_but_the_one_without_code() {
        let features = checked_features(&Workspace::find().unwrap());
        let features: Vec<&str> = features.split(',').collect();
        for checked in [
            "oms-api/smoke",
            "oms-events/kafka",
            "oms-payments/localstripe",
        ] {
            assert!(features.contains(&checked), "{features:?}");
        }
        assert!(
            !features
                .iter()
                .any(|feature| feature.ends_with(NOT_CHECKED))
        );
    }
}
