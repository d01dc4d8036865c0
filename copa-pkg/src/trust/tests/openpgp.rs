//! Debian's real files, and what must not pass.

use std::time::Instant;

use super::*;
use crate::fixture::root::corpus;
use proptest::prelude::*;

fn at(time: &str) -> Moment {
    Moment { now: time.parse().unwrap(), allow_expired: false }
}

const RELEASES: [(&str, &str); 3] = [
    ("debian_bookworm_InRelease", "4CB50190207B4758A3F73A796ED0E7B82643E131"),
    ("debian_bookworm-updates_InRelease", "B8E5F13176D2A7A75220028078DBA3BC47EF2265"),
    ("debian-security_bookworm-security_InRelease", "B0CAB9266E8C3929798B3EEEBDE6D2B9216EC7A8"),
];

fn real(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(corpus()?.join("derived/debian-repo").join(name)).unwrap())
}

#[test]
fn debians_keys_are_all_there() {
    let keyring = Keyring::debian();
    assert_eq!(keyring.entries.len(), 9);
    let primary: BTreeSet<String> =
        keyring.entries.iter().map(|entry| hex::encode_upper(entry.keys[0].0.as_bytes())).collect();
    let readme = include_str!("../../../keys/README.md");
    assert!(primary.iter().all(|key| readme.contains(key)), "{primary:?}");
}

#[test]
fn debians_releases_are_verified_with_the_keys_that_come_along() {
    for (name, signer) in RELEASES {
        let Some(bytes) = real(name) else { return };
        let start = Instant::now();
        let now = at("2026-11-23T12:00:00Z");
        let signed = Keyring::debian().verify_clearsigned(&bytes, now).unwrap();
        println!("{name}: {:?}, signed by {}", start.elapsed(), signed.signer);
        let alone = Keyring::debian().only(&[signer.into()]);
        assert_eq!(alone.verify_clearsigned(&bytes, now).unwrap().signer, signer);
        assert!(signed.text.starts_with("Origin: Debian\r\n"));
    }
}

#[test]
fn a_changed_byte_of_the_signed_text_is_noticed() {
    let (name, _) = RELEASES[2];
    let Some(bytes) = real(name) else { return };
    let keyring = Keyring::debian();
    let end = memchr::memmem::find(&bytes, b"-----BEGIN PGP SIGNATURE").unwrap();
    for i in (50..end).step_by(end / 60) {
        let mut changed = bytes.clone();
        // Blanks at the end of a line are not signed, by the specification.
        changed[i] = if changed[i] == b'x' { b'y' } else { b'x' };
        assert!(keyring.verify_clearsigned(&changed, at("2026-11-23T12:00:00Z")).is_err(), "{i}");
    }
}

#[test]
fn keys_count_only_in_their_time() {
    let (name, _) = RELEASES[0];
    let Some(bytes) = real(name) else { return };
    let keyring = Keyring::debian();
    let late = at("2040-01-01T00:00:00Z");
    let reason = keyring.verify_clearsigned(&bytes, late).unwrap_err();
    assert!(reason.contains("expired") && reason.contains(RELEASES[0].1), "{reason}");
    let allowed = Moment { allow_expired: true, ..late };
    assert!(keyring.verify_clearsigned(&bytes, allowed).is_ok());
    let early = keyring.verify_clearsigned(&bytes, at("2026-01-01T00:00:00Z")).unwrap_err();
    assert!(early.contains("future"), "{early}");
    let nobody = keyring.only(&["00".into()]).verify_clearsigned(&bytes, allowed).unwrap_err();
    assert!(nobody.contains("no trusted key"), "{nobody}");
}

#[test]
fn the_frame_of_a_clearsigned_text_is_strict() {
    let text = |head: &str, body: &str, tail: &str| {
        format!(
            "{head}-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{body}\
             -----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----\n{tail}"
        )
    };
    let good = text("", "a \t\n- -b\n\nc\r\n", "\n");
    let (signed, armor) = split_clearsigned(good.as_bytes()).unwrap();
    assert_eq!(signed, "a\r\n-b\r\n\r\nc");
    assert!(armor.starts_with("-----BEGIN PGP SIGNATURE-----\n"));
    for bad in [
        text("x\n", "a\n", ""),
        text("\n", "a\n", ""),
        text("", "a\n", "x"),
        text("", "-a\n", ""),
        text("", "a\rb\n", ""),
        text("", "a\0\n", ""),
        text("", "a\n", "").replace("Hash: SHA256", "Comment: x"),
        text("", "a\n", "").replace("-----END", "----"),
    ] {
        assert!(split_clearsigned(bad.as_bytes()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn noise_never_panics(
        text in "(-----(BEGIN|END) PGP (SIGNED MESSAGE|SIGNATURE)-----|Hash: SHA256|- |[a-z+/=\r\n]){0,40}",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let now = at("2026-11-23T12:00:00Z");
        let _ = Keyring::debian().verify_clearsigned(text.as_bytes(), now);
        let _ = Keyring::debian().verify_detached(b"x", &bytes, now);
        let _ = (Keyring::parse(&bytes), Keyring::parse(text.as_bytes()));
    }

    #[test]
    fn damaged_keys_never_panic(at in 0_usize..280, byte in any::<u8>()) {
        let mut key = DEBIAN[5].to_vec();
        key[at] = byte;
        let _ = Keyring::parse(&key);
    }
}

#[test]
fn keyrings_can_be_put_one_behind_the_other() {
    let armored = |entry: &Entry| {
        let mut text = Vec::new();
        Certificate::save_all([&entry.certificate], true, &mut text).unwrap();
        text
    };
    let [a, b, c] = &Keyring::debian().entries[..3] else { panic!() };
    let binary = DEBIAN[2];
    for (bytes, keys) in [
        ([armored(a), armored(b)].concat(), 2),
        ([b"# The key\n".to_vec(), armored(a)].concat(), 1),
        ([binary, &armored(b), &armored(c)].concat(), 3),
        (DEBIAN[..2].concat(), 2),
    ] {
        assert_eq!(Keyring::parse(&bytes).unwrap().entries.len(), keys);
    }
    assert!(Keyring::parse(b"").is_err());
    assert!(Keyring::parse(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nx").is_err());
}

/// Found by fuzzing: rPGP's reader of armor panics when it is asked again after an error.
#[test]
fn broken_armor_never_panics() {
    let now = at("2026-11-23T12:00:00Z");
    let mut armored = Vec::new();
    let certificate = &Keyring::debian().entries[0].certificate;
    Certificate::save_all([certificate], true, &mut armored).unwrap();
    let signature =
        b"-----BEGIN PGP SIGNATURE-----\n\nwsFzBAEBCgAdFiEE\n-----END PGP MESSAGE-----\n";
    for bytes in [&armored[..], signature] {
        for i in (0..bytes.len()).step_by(5) {
            let broken = [&bytes[..i], b"*", &bytes[i + 1..]].concat();
            for bytes in [&broken, &bytes[..i]] {
                let _ = Keyring::parse(bytes);
                let _ = Keyring::debian().verify(b"x", bytes, now);
            }
        }
    }
    let headless = String::from_utf8(armored).unwrap().replace("END PGP PUBLIC", "END PGP PRIVATE");
    assert!(Keyring::parse(headless.as_bytes()).unwrap_err().contains("its armor is broken"));
}
