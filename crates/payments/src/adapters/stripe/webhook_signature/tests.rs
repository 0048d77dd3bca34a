//! Signatures that were computed independently of the code under test, and many kinds of forgeries.

use super::*;

const NOW: u64 = 1_790_000_000;
const BODY: &[u8] = br#"{"id":"evt_1","object":"event"}"#;

/// `printf '1790000000.{"id":"evt_1","object":"event"}' | openssl dgst -sha256 -hmac whsec_one`
const BY_ONE: &str = "c434d342b82d408faebefc65380da5c652150a3c8eb6caa39bba9da5237edfc5";
/// The same with `-hmac whsec_two`.
const BY_TWO: &str = "46036e11ad1fae0649d9224d7d417ef3eb7fe67404fb083e37da3032cc90f805";
/// `printf '1790000000.\xff\x00\n' | openssl dgst -sha256 -hmac whsec_one`
const OF_BYTES: &str = "e5ee2f40750f453f37bb78ffb8330d45bf394376ddeddf70f56103159a4117c8";

fn secrets(text: &str) -> WebhookSecrets {
    WebhookSecrets::parse(text).unwrap()
}

fn verify(header: &str) -> Result<(), InvalidSignature> {
    secrets("whsec_one").verify(header, BODY, NOW)
}

#[test]
fn a_signature_made_by_openssl_is_believed() {
    assert_eq!(verify(&format!("t={NOW},v1={BY_ONE}")), Ok(()));
    let bytes = secrets("whsec_one").verify(&format!("t={NOW},v1={OF_BYTES}"), b"\xff\0\n", NOW);
    assert_eq!(bytes, Ok(()));
}

#[test]
fn spaces_upper_case_and_other_schemes_are_tolerated() {
    for header in [
        format!("t={NOW}, v1={BY_ONE}"),
        format!("v0={BY_TWO},v1={BY_ONE},t={NOW}"),
        format!("t={NOW},v1={}", BY_ONE.to_uppercase()),
        format!("t={NOW},v1={BY_ONE},v2=of=tomorrow"),
    ] {
        assert_eq!(verify(&header), Ok(()), "{header}");
    }
}

#[test]
fn one_of_several_signatures_and_one_of_several_secrets_are_enough() {
    let both = format!("t={NOW},v1={BY_TWO},v1={BY_ONE}");
    for known in ["whsec_one", "whsec_two", "whsec_three, whsec_two"] {
        assert_eq!(secrets(known).verify(&both, BODY, NOW), Ok(()), "{known}");
    }
    let one = format!("t={NOW},v1={BY_ONE}");
    let rotating = secrets("whsec_two,whsec_one");
    assert_eq!(rotating.verify(&one, BODY, NOW), Ok(()));
    let rotated = secrets("whsec_two");
    let refused = rotated.verify(&one, BODY, NOW);
    assert_eq!(refused, Err(InvalidSignature::Forged));
}

#[test]
fn another_body_time_secret_or_scheme_is_a_forgery() {
    let zeros = "0".repeat(64);
    for header in [
        format!("t={},v1={BY_ONE}", NOW + 1),
        format!("t=0{NOW},v1={BY_ONE}"),
        format!("t={NOW},v1={BY_TWO}"),
        format!("t={NOW},v1={zeros}"),
        format!("t={NOW},v1={zeros},v0={BY_ONE}"),
    ] {
        assert_eq!(verify(&header), Err(InvalidSignature::Forged), "{header}");
    }
    let header = format!("t={NOW},v1={BY_ONE}");
    for body in [
        &b""[..],
        &BODY[1..],
        b"{\"id\":\"evt_1\",\"object\":\"event\"} ",
    ] {
        let refused = secrets("whsec_one").verify(&header, body, NOW);
        assert_eq!(refused, Err(InvalidSignature::Forged));
    }
    // The prefix is part of the secret.
    let refused = secrets("whsec_whsec_one").verify(&header, BODY, NOW);
    assert_eq!(refused, Err(InvalidSignature::Forged));
}

#[test]
fn every_flipped_bit_of_a_signature_is_detected() {
    let digest = digest_of(BY_ONE).unwrap();
    for bit in 0..256 {
        let mut forged = digest;
        forged[bit / 8] ^= 1 << (bit % 8);
        let header = format!("t={NOW},v1={}", hex::encode(forged));
        assert_eq!(verify(&header), Err(InvalidSignature::Forged), "bit {bit}");
    }
}

#[test]
fn a_time_within_five_minutes_is_tolerated_and_not_a_second_more() {
    let at = |now| secrets("whsec_one").verify(&format!("t={NOW},v1={BY_ONE}"), BODY, now);
    for now in [NOW - 300, NOW - 1, NOW, NOW + 300] {
        assert_eq!(at(now), Ok(()), "{now}");
    }
    for now in [0, NOW - 301, NOW + 301, u64::MAX] {
        assert_eq!(at(now), Err(InvalidSignature::Stale), "{now}");
    }
}

#[test]
fn a_header_in_another_format_is_malformed() {
    let long = format!("v1={BY_ONE}");
    for header in [
        String::new(),
        "t".to_owned(),
        long.clone(),
        format!("t={NOW}"),
        format!("t={NOW},v0={BY_ONE}"),
        format!("t=,{long}"),
        format!("t=-{NOW},{long}"),
        format!("t=+{NOW},{long}"),
        format!("t= {NOW},{long}"),
        format!("t=soon,{long}"),
        format!("t=99999999999999999999,{long}"),
        format!("t={NOW},t={NOW},{long}"),
        format!("t={NOW},{long},"),
        format!("t={NOW},v1={}", &BY_ONE[1..]),
        format!("t={NOW},v1={BY_ONE}00"),
        format!("t={NOW},v1={}", "g".repeat(64)),
        format!("t={NOW},v1="),
        format!("T={NOW},V1={BY_ONE}"),
    ] {
        assert_eq!(
            verify(&header),
            Err(InvalidSignature::Malformed),
            "{header:?}"
        );
    }
}

#[test]
fn the_number_of_signatures_is_limited() {
    let with = |others: usize| {
        let forged = format!("v1={BY_TWO},").repeat(others);
        verify(&format!("t={NOW},{forged}v1={BY_ONE}"))
    };
    assert_eq!(with(15), Ok(()));
    assert_eq!(with(16), Err(InvalidSignature::Malformed));
}

#[test]
fn only_printable_secrets_in_stripes_format_are_accepted_and_none_is_shown() {
    assert!(secrets("whsec_one, whsec_two").include("whsec_two"));
    assert!(!secrets("whsec_one").include("whsec_two"));
    let eight = ["whsec_x"; 8].join(",");
    assert!(WebhookSecrets::parse(&eight).is_ok());
    let nine = ["whsec_x"; 9].join(",");
    for text in [
        "",
        ",",
        "whsec_",
        "secret",
        "whsec_a,",
        "whsec_a b",
        "whsec_ä",
        &nine,
    ] {
        let refused = WebhookSecrets::parse(text).unwrap_err();
        assert_eq!(refused, InvalidWebhookSecrets, "{text:?}");
    }
    assert!(!format!("{:?}", secrets("whsec_hush")).contains("hush"));
}

#[test]
fn a_webhook_that_cannot_be_genuine_is_rejected_by_its_header_alone() {
    let check = |header: &str| secrets("whsec_one").check_head(header, NOW);
    let forged = "0".repeat(64);
    for time in [NOW - 300, NOW, NOW + 300] {
        assert_eq!(check(&format!("t={time},v1={forged}")), Ok(()), "{time}");
    }
    for time in [0, NOW - 301, NOW + 301, u64::MAX] {
        let header = format!("t={time},v1={forged}");
        assert_eq!(check(&header), Err(InvalidSignature::Stale), "{time}");
    }
    for header in [
        "",
        "nonsense",
        "t=,v1=",
        &format!("v1={forged}"),
        &format!("t={NOW}"),
    ] {
        assert_eq!(check(header), Err(InvalidSignature::Malformed), "{header}");
    }
}
