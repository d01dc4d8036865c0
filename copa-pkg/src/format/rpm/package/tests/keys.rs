//! Keys of every kind, made by the real gpg, and packages that the real rpmsign signed with them:
//! what gpg says of the signatures, and what we say.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::format::rpm::oracle::{Lab, run};
use crate::format::rpm::sources::keys::official;

/// When the packages are signed: the keys are made a day before, and those that expire do so
/// thirty days later.
const SIGNED: &str = "20261001T120000!";
const MADE: &str = "20260930T120000!";
/// Now.
const NOW: &str = "20261123T000000!";

/// A folder of one key, and a package that was signed with it.
struct Signer {
    home: tempfile::TempDir,
    rpm: PathBuf,
}

impl Signer {
    /// Makes a key with these steps of gpg, a day before it signs a copy of the package.
    fn new(package: &Path, steps: &[&[&str]]) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let rpm = home.path().join("signed.rpm");
        fs::copy(package, &rpm).unwrap();
        let signer = Self { home, rpm };
        for step in steps {
            let key = signer.key();
            let step: Vec<&str> =
                step.iter().map(|w| if *w == "KEY" { &key } else { *w }).collect();
            signer.gpg(MADE, &step);
        }
        signer.sign();
        signer
    }

    fn gpg(&self, at: &str, arguments: &[&str]) -> String {
        let home = self.home.path().to_str().unwrap();
        let common = ["--homedir", home, "-q", "--batch", "--yes", "--passphrase", ""];
        let clock = ["--pinentry-mode", "loopback", "--faked-system-time", at];
        run("gpg", &[&common, &clock[..], arguments].concat())
    }

    /// The fingerprint of the last key in the folder that signs; of none a blank.
    fn key(&self) -> String {
        let listed = self.gpg(NOW, &["--with-colons", "--with-subkey-fingerprint", "-K"]);
        let line = listed.lines().rev().find_map(|line| line.strip_prefix("fpr:::::::::"));
        line.unwrap_or_default().trim_end_matches(':').to_owned()
    }

    fn sign(&self) {
        let define = |name: &str, value: &str| ["--define".into(), format!("{name} {value}")];
        let clock = format!("--faked-system-time {SIGNED} --batch");
        let defines = [
            define("_gpg_path", self.home.path().to_str().unwrap()),
            define("_gpg_name", "signer@example.invalid"),
            define("__gpg", "/usr/bin/gpg"),
            define("_gpg_sign_cmd_extra_args", &clock),
        ]
        .concat();
        let defines: Vec<&str> = defines.iter().map(String::as_str).collect();
        let rpm = self.rpm.to_str().unwrap();
        run("rpmsign", &[&defines, &["--addsign", rpm][..]].concat());
    }

    /// Withdraws the key, with the certificate that gpg made for that when it made the key.
    fn revoke(&self) {
        let certificates = self.home.path().join("openpgp-revocs.d");
        let path = fs::read_dir(certificates).unwrap().next().unwrap().unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(":-----BEGIN", "-----BEGIN")).unwrap();
        self.gpg(NOW, &["--import", path.to_str().unwrap()]);
    }

    fn keyring(&self) -> Keyring {
        Keyring::parse(self.gpg(NOW, &["--armor", "--export"]).as_bytes()).unwrap()
    }

    /// What gpg says of the signature over the header.
    fn gpg_verdict(&self) -> String {
        let file = PackageFile::parse("x", &fs::read(&self.rpm).unwrap().into()).unwrap();
        let paths = ["signature", "header"].map(|name| self.home.path().join(name));
        fs::write(&paths[0], &header_signatures(&file.signature).unwrap()[0]).unwrap();
        fs::write(&paths[1], &file.header_bytes).unwrap();
        let [signature, header] = paths.each_ref().map(|path| path.to_str().unwrap());
        let home = self.home.path().to_str().unwrap();
        let out = Command::new("gpg")
            .args(["--homedir", home, "--batch", "--status-fd", "1", "--faked-system-time", NOW])
            .args(["--verify", signature, header])
            .output()
            .unwrap();
        let status = String::from_utf8(out.stdout).unwrap();
        let words = ["GOODSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG"];
        words.into_iter().find(|word| status.contains(word)).unwrap_or("nothing").into()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let home = self.home.path();
        let _ = Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).output();
    }
}

const NAME: &str = "Signer <signer@example.invalid>";

/// A package that nobody signed. `None` when a tool is missing.
fn unsigned(lab: &Lab) -> PathBuf {
    lab.build("1", &[]).into_iter().find(|path| path.ends_with("demo-files.rpm")).unwrap()
}

fn tools() -> bool {
    ["rpm", "rpmbuild", "rpmsign", "gpg"].into_iter().all(oracle::have)
}

#[test]
fn keys_count_as_gpg_says() {
    if !tools() {
        return;
    }
    let lab = Lab::new();
    let unsigned = unsigned(&lab);
    let generate = |kind, usage, expires| ["--quick-gen-key", NAME, kind, usage, expires];
    let lasting = generate("rsa2048", "sign", "never");
    let eddsa = generate("ed25519", "sign", "never");
    let brief = generate("ed25519", "sign", "30d");
    let above = generate("rsa2048", "cert", "never");
    let below = ["--quick-add-key", "KEY", "ed25519", "sign", "never"];
    let brief_below = ["--quick-add-key", "KEY", "ed25519", "sign", "30d"];
    let of = |steps: &[&[&str]]| Signer::new(&unsigned, steps);
    for (what, signer, revoked, gpg, refusal) in [
        ("RSA", of(&[&lasting]), false, "GOODSIG", None),
        ("EdDSA", of(&[&eddsa]), false, "GOODSIG", None),
        ("a subkey", of(&[&above, &below]), false, "GOODSIG", None),
        ("an expired key", of(&[&brief]), false, "EXPKEYSIG", Some(true)),
        ("an expired subkey", of(&[&above, &brief_below]), false, "EXPKEYSIG", Some(true)),
        ("a revoked key", of(&[&lasting]), true, "REVKEYSIG", Some(false)),
        ("a subkey of a revoked key", of(&[&above, &below]), true, "REVKEYSIG", Some(false)),
    ] {
        if revoked {
            signer.revoke();
        }
        assert_eq!(signer.gpg_verdict(), gpg, "{what}");
        let (key, keyring) = (signer.key(), signer.keyring());
        let verdict = |allow_expired| {
            let bytes = fs::read(&signer.rpm).unwrap().into();
            let package = PackageFile::parse("x", &bytes).unwrap();
            signers(&package, &bytes, &keyring, Moment { allow_expired, ..moment() })
        };
        let good = Ok(vec![key.clone()]);
        match refusal {
            None => assert_eq!(verdict(false), good, "{what}"),
            // What has only expired since can be allowed.
            Some(may_be_allowed) => {
                let reason = verdict(false).unwrap_err();
                let said = reason.contains(&key) && reason.contains("expired or is revoked");
                assert!(said, "{what} {key}: {reason}");
                assert_eq!(verdict(true) == good, may_be_allowed, "{what}");
            }
        }
    }
}

/// The keys of one distribution say nothing of another's packages.
#[test]
fn the_keys_of_another_distribution_do_not_count() {
    if !tools() {
        return;
    }
    let lab = Lab::new();
    let signer = Signer::new(&unsigned(&lab), &[&["--quick-gen-key", NAME, "rsa2048", "sign"]]);
    let package = package(fs::read(&signer.rpm).unwrap()).unwrap().package;
    for id in ["azurelinux", "fedora", "rocky", "debian"] {
        let trust = crate::trust::policy::Trust::strict(moment().now);
        let error = verify(&package, &PackageKeys { keyring: official(id), trust }).unwrap_err();
        let text = format!("{error}: {:?}", error.hint().unwrap());
        for word in ["demo-files 1:1.0-1", &signer.key(), "no trusted key", "NameKeys"] {
            assert!(text.contains(word), "{id}: {word}: {text}");
        }
    }
}
