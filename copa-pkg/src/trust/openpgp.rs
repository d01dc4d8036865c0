//! OpenPGP signatures: who signed a text. The only module that knows the OpenPGP crates.
//!
//! rPGP does the arithmetic, rpgpie says which keys of a certificate may sign and when (binding
//! signatures, expiry, revocation, sizes). On top of that: the data hash is SHA-2 or SHA-3, and a
//! key has to be valid both now and when it signed. (rpgpie reads the clock for one thing only: it
//! passes over a key's own certifications that are dated in the future.)

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{Cursor, Read as _};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use pgp::armor::Dearmor;
use pgp::composed::SignedPublicKey;
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{Fingerprint, KeyDetails, KeyId, Timestamp as PgpTime};
use rpgpie::certificate::{Certificate, Checked};

/// The most signatures that are looked at: Debian has three.
const MOST_SIGNATURES: usize = 32;

/// How far in the future a signature or a file may be dated, in seconds: clocks differ.
pub(crate) const SKEW: i64 = 600;

/// Certificates that are trusted to sign.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keyring {
    entries: Vec<Entry>,
}

/// A certificate and its keys, primary and subkeys: what a signature's issuer is looked up in.
/// Checking a certificate costs milliseconds, so that is done for the right one only, and once:
/// several suites have one key, and all packages of an RPM repository.
#[derive(Clone)]
struct Entry {
    certificate: Certificate,
    keys: Vec<(Fingerprint, KeyId)>,
    checked: Arc<OnceLock<Checked>>,
}

/// A text and one of those who signed it.
#[derive(Debug)]
pub(crate) struct Signed {
    /// The text that the signature covers, and nothing else.
    pub(crate) text: String,
    /// The fingerprint of the first key that is trusted.
    pub(crate) signer: String,
}

/// When the check is made, and what it may overlook.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The time of the check.
    pub(crate) now: Timestamp,
    /// Whether the signature of a key that has expired since counts.
    pub(crate) allow_expired: bool,
}

macro_rules! keys {
    ($($name:literal),*) => { [$(include_bytes!(concat!("../../keys/", $name, ".gpg")).as_slice()),*] };
}

/// Debian's own, as published in its package `debian-archive-keyring`: see `keys/README.md`.
const DEBIAN: [&[u8]; 9] = keys![
    "debian-archive-bullseye-automatic",
    "debian-archive-bullseye-security-automatic",
    "debian-archive-bullseye-stable",
    "debian-archive-bookworm-automatic",
    "debian-archive-bookworm-security-automatic",
    "debian-archive-bookworm-stable",
    "debian-archive-trixie-automatic",
    "debian-archive-trixie-security-automatic",
    "debian-archive-trixie-stable"
];

impl Keyring {
    /// The keys of Debian 11, 12 and 13 that come with this program.
    pub(crate) fn debian() -> &'static Self {
        static KEYRING: OnceLock<Keyring> = OnceLock::new();
        KEYRING.get_or_init(|| {
            let all = DEBIAN.iter().filter_map(|bytes| Self::parse(bytes).ok());
            Self { entries: all.flat_map(|keyring| keyring.entries).collect() }
        })
    }

    /// Reads certificates, armored or not.
    ///
    /// # Errors
    ///
    /// The reason, when the bytes hold no certificate.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut entries = Vec::new();
        for block in blocks(bytes) {
            let certificates = Certificate::load(&mut Cursor::new(packets(block)?));
            let unread = |e| format!("it is no file of OpenPGP public keys ({e})");
            entries.extend(certificates.map_err(unread)?.into_iter().map(Entry::new));
        }
        match entries.is_empty() {
            true => Err("it holds no certificate".into()),
            false => Ok(Self { entries }),
        }
    }

    /// Adds the certificates of another, but for those that came from here. Another copy of a
    /// certificate is kept: it may have been extended, or revoked.
    pub(crate) fn extend(&mut self, other: &Self) {
        for entry in &other.entries {
            let is_it = |ours: &Entry| Arc::ptr_eq(&ours.checked, &entry.checked);
            if !self.entries.iter().any(is_it) {
                self.entries.push(entry.clone());
            }
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many of them have a key that may sign at this moment.
    #[cfg(test)]
    pub(crate) fn usable(&self, now: Timestamp) -> usize {
        let usable = |entry: &&Entry| {
            !entry.checked().valid_signing_capable_component_keys_at(seconds(now)).is_empty()
        };
        self.entries.iter().filter(usable).count()
    }

    /// Those with one of these fingerprints, of a primary key or of a subkey.
    pub(crate) fn only(&self, fingerprints: &[String]) -> Self {
        let wanted = |entry: &&Entry| {
            let mut keys = entry.keys.iter().map(|(key, _)| hex::encode(key.as_bytes()));
            keys.any(|key| fingerprints.iter().any(|wanted| wanted.eq_ignore_ascii_case(&key)))
        };
        Self { entries: self.entries.iter().filter(wanted).cloned().collect() }
    }

    /// Checks a clearsigned text (RFC 9580, 7).
    ///
    /// # Errors
    ///
    /// The reason, which names every signing key, when no trusted key signed the text.
    pub(crate) fn verify_clearsigned(&self, bytes: &[u8], at: Moment) -> Result<Signed, String> {
        let (text, armor) = split_clearsigned(bytes)?;
        let signer = self.verify(text.as_bytes(), armor.as_bytes(), at)?;
        Ok(Signed { text, signer })
    }

    /// Checks a text against a signature in another file, armored or not.
    ///
    /// # Errors
    ///
    /// As [`verify_clearsigned`](Self::verify_clearsigned).
    pub(crate) fn verify_detached(
        &self,
        text: &[u8],
        signature: &[u8],
        at: Moment,
    ) -> Result<Signed, String> {
        let signer = self.verify(text, signature, at)?;
        let text = String::from_utf8(text.to_vec()).map_err(|_| "it is not UTF-8")?;
        Ok(Signed { text, signer })
    }

    /// Gives the fingerprint of the first trusted key whose signature over the bytes is good.
    ///
    /// # Errors
    ///
    /// As [`verify_clearsigned`](Self::verify_clearsigned).
    pub(crate) fn verify(
        &self,
        text: &[u8],
        signatures: &[u8],
        at: Moment,
    ) -> Result<String, String> {
        let unread = |e| format!("its signature cannot be read: {e}");
        let packets = packets(signatures).map_err(unread)?;
        let signatures = rpgpie::signature::load(&mut Cursor::new(packets))
            .map_err(|e| unread(e.to_string()))?;
        if signatures.is_empty() || signatures.len() > MOST_SIGNATURES {
            return Err(format!("it has {} signatures", signatures.len()));
        }
        // One is enough, and each costs milliseconds: Debian signs with three keys.
        let mut bad = BTreeSet::new();
        for signature in &signatures {
            match self.signer(signature, text, at) {
                Ok(fingerprint) => return Ok(fingerprint),
                Err(reason) => bad.insert(reason),
            };
        }
        Err(bad.into_iter().collect::<Vec<_>>().join("; "))
    }

    /// The fingerprint of the key that made this signature.
    fn signer(&self, signature: &Signature, text: &[u8], at: Moment) -> Result<String, String> {
        let issuer = issuer(signature);
        let created = acceptable(signature, at).map_err(|e| format!("{e} (key {issuer})"))?;
        let issued = |entry: &&Entry| entry.keys.iter().any(|(f, id)| names(signature, f, id));
        let matching: Vec<&Entry> = self.entries.iter().filter(issued).collect();
        if matching.is_empty() {
            return Err(format!("no trusted key {issuer} is known"));
        }
        let mut reason = format!("the key {issuer} may not sign: it has expired or is revoked");
        for entry in matching {
            let now = seconds(at.now);
            let usable = |time| entry.checked().valid_signing_capable_component_keys_at(time);
            let current: Vec<_> =
                usable(now).iter().map(|v| v.as_componentkey().fingerprint()).collect();
            for verifier in usable(created) {
                let key = verifier.as_componentkey();
                let valid = at.allow_expired || current.contains(&key.fingerprint());
                if !valid || !names(signature, &key.fingerprint(), &key.legacy_key_id()) {
                    continue;
                }
                if signature.verify(key, text).is_ok() {
                    return Ok(hex::encode_upper(key.fingerprint().as_bytes()));
                }
                reason = format!("the signature of key {issuer} does not fit the text");
            }
        }
        Err(reason)
    }
}

/// The time at which a signature was made. Signatures of other kinds and of weak algorithms are
/// refused.
fn acceptable(signature: &Signature, at: Moment) -> Result<PgpTime, String> {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha224, Sha256, Sha384, Sha512};
    if !matches!(signature.typ(), Some(SignatureType::Binary | SignatureType::Text)) {
        return Err("its signature is not one over a document".into());
    }
    let strong = [Sha224, Sha256, Sha384, Sha512, Sha3_256, Sha3_512];
    match signature.hash_alg() {
        Some(hash) if strong.contains(&hash) => {}
        Some(hash) => return Err(format!("its signature uses the weak hash {hash}")),
        None => return Err("its signature is of an unknown version".into()),
    }
    if let Some(algorithm) = signature.config().and_then(|of| uncomputed(of.pub_alg)) {
        return Err(format!(
            "its signature is one of {algorithm}, which cannot be checked here; one of \
             RSA, ECDSA or EdDSA beside it would do"
        ));
    }
    if !rpgpie::signature::signature_acceptable(signature) {
        return Err("its signature uses an algorithm or an option that is not accepted".into());
    }
    let created = signature.created().ok_or("its signature is not dated")?;
    if i64::from(created.as_secs()) > at.now.as_second() + SKEW {
        return Err("its signature is dated in the future".into());
    }
    let lifetime = signature.signature_expiration_time().map_or(0, |life| life.as_secs());
    let end = i64::from(created.as_secs()) + i64::from(lifetime);
    if lifetime != 0 && end < at.now.as_second() && !at.allow_expired {
        return Err("its signature has expired".into());
    }
    Ok(created)
}

/// The name of a signature algorithm that rPGP does not implement: the post-quantum ones, by their
/// numbers in OpenPGP.
fn uncomputed(algorithm: PublicKeyAlgorithm) -> Option<String> {
    let name = match u8::from(algorithm) {
        _ if algorithm.can_sign() => return None,
        30 => "ML-DSA-65+Ed25519",
        31 => "ML-DSA-87+Ed448",
        32..=34 => "SLH-DSA",
        number => return Some(format!("the unknown algorithm {number}")),
    };
    Some(name.into())
}

/// A moment as OpenPGP counts: seconds since 1970 in 32 bits.
fn seconds(time: Timestamp) -> PgpTime {
    PgpTime::from_secs(u32::try_from(time.as_second().max(0)).unwrap_or(u32::MAX))
}

/// The key that a signature says it was made with.
fn issuer(signature: &Signature) -> String {
    let fingerprint =
        signature.issuer_fingerprint().first().map(|f| hex::encode_upper(f.as_bytes()));
    let id = || signature.issuer_key_id().first().map(|id| hex::encode_upper(id.as_ref()));
    fingerprint.or_else(id).unwrap_or_else(|| "without a name".into())
}

/// Whether the signature names this key as its issuer.
fn names(signature: &Signature, fingerprint: &Fingerprint, id: &KeyId) -> bool {
    match signature.issuer_fingerprint().as_slice() {
        [] => signature.issuer_key_id().contains(&id),
        named => named.contains(&fingerprint),
    }
}

/// The parts of a file that hold keys: binary packets, and each armored block. Readers of OpenPGP
/// stop at the end of the first block.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    const ARMOR: &[u8] = b"-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let begins: Vec<usize> = memchr::memmem::find_iter(bytes, ARMOR).collect();
    let starts = std::iter::once(0).chain(begins.clone());
    let ends = begins.into_iter().chain([bytes.len()]);
    let parts = starts.zip(ends).filter_map(|(start, end)| bytes.get(start..end));
    // A packet begins with a high bit; other text before a block is a remark.
    parts.filter(|part| part.starts_with(ARMOR) || part.first().is_some_and(|b| b & 0x80 != 0))
}

/// The packets, their armor removed. The readers of packets do not remove it themselves: they go on
/// after an error, and rPGP's reader of armor then panics.
fn packets(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    if bytes.first().is_none_or(|b| b & 0x80 != 0) {
        return Ok(bytes.into());
    }
    let mut packets = Vec::new();
    let read = Dearmor::new(Cursor::new(bytes)).read_to_end(&mut packets);
    read.map_err(|e| format!("its armor is broken: {e}"))?;
    Ok(packets.into())
}

/// A certificate is told by its keys: whatever is asked twice of the same keys is the same.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(fingerprint, _)| fingerprint)).finish()
    }
}

impl Entry {
    /// Certifications by others are dropped: they do not count, and checking them takes longer
    /// than everything else (Debian's keys carry dozens).
    fn new(certificate: Certificate) -> Self {
        let mut key: SignedPublicKey = certificate.into();
        let name = |key: &dyn KeyDetails| (key.fingerprint(), key.legacy_key_id());
        let (fingerprint, id) = name(&key.primary_key);
        for user in &mut key.details.users {
            user.signatures.retain(|signature| names(signature, &fingerprint, &id));
        }
        let subkeys = key.public_subkeys.iter().map(|subkey| name(&subkey.key));
        let keys = std::iter::once((fingerprint, id)).chain(subkeys).collect();
        let certificate = key.into();
        Self { certificate, keys, checked: Arc::default() }
    }

    /// The certificate with the parts that its own key certified, and without all others. Only the
    /// cryptography is done here: what is valid at which time is asked each time.
    fn checked(&self) -> &Checked {
        self.checked.get_or_init(|| Checked::new(self.certificate.clone()))
    }
}

/// The text of a file, clearsigned or plain, without asking who signed it.
///
/// # Errors
///
/// The reason, when the file cannot be read.
pub(crate) fn unverified_text(bytes: &[u8]) -> Result<String, String> {
    if bytes.starts_with(b"-----BEGIN PGP") {
        return Ok(split_clearsigned(bytes)?.0);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| "it is not UTF-8".into())
}

/// The signed text, with the line ends that are hashed, and the armored signatures.
///
/// Nothing may stand before, between or after them: another reader of the file would take it for
/// signed text.
fn split_clearsigned(bytes: &[u8]) -> Result<(String, &str), String> {
    const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
    const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
    const END: &str = "-----END PGP SIGNATURE-----";
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("it holds control characters".into());
    }
    let mut lines = Lines { rest: text };
    if lines.next() != Some(BEGIN) {
        return Err("it does not begin as a clearsigned text".into());
    }
    while let Some(header) = lines.next().filter(|line| !line.is_empty()) {
        if !header.starts_with("Hash: ") {
            return Err("its head has something else than the name of a hash".into());
        }
    }
    let mut signed = String::with_capacity(text.len() + text.len() / 32);
    let armor = loop {
        let armor = lines.rest;
        let line = lines.next().ok_or("it breaks off before its signature")?;
        if line == SIGNATURE {
            break armor;
        }
        let plain = line.strip_prefix("- ").unwrap_or(line);
        if plain.len() == line.len() && line.starts_with('-') || line.contains('\r') {
            return Err("a line of it is not escaped as it has to be".into());
        }
        signed.push_str(plain.trim_end_matches([' ', '\t']));
        signed.push_str("\r\n");
    };
    signed.truncate(signed.len().saturating_sub(2));
    let end = armor.find(END).ok_or("it breaks off within its signature")? + END.len();
    let (armor, after) = armor.split_at(end);
    if !after.trim().is_empty() {
        return Err("something follows its signature".into());
    }
    Ok((signed, armor))
}

/// Lines, without their ends.
struct Lines<'a> {
    rest: &'a str,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

#[cfg(test)]
#[path = "tests/openpgp.rs"]
mod tests;
