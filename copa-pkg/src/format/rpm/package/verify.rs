//! Who signed a package, and whether its payload is the one that was signed.
//!
//! A signature over the main header (tags 268, 267; of version 6: 278) covers the digest of the
//! payload (5092) that is in it. Packages that were built before rpm 4.14 have no such digest: of
//! them, a signature over header and payload (tags 1002, 1005) counts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::error::{Error, Hint, Result};
use crate::format::rpm::db::installed::package;
use crate::format::rpm::package::file::PackageFile;
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::package::candidate::Candidate;
use crate::package::fetched::Package;
use crate::package::installed::Installed;
use crate::trust::keys::PackageKeys;
use crate::trust::openpgp::{Keyring, Moment};
use crate::warning::{Code, Warning};

/// The most signatures that are looked at.
const MOST: usize = 16;

/// Signatures in the signature header over header and payload, before rpm 4.14.
const OVER_ALL: [Tag; 2] = [Tag(1002), Tag(1005)];

/// Checks who signed a package, and that it is the one that the index names: indexes need not be
/// signed, and an old package is signed too. Gives a warning when a check was left out.
///
/// # Errors
///
/// [`Error::Untrusted`] when no trusted key signed it and that is not allowed, or it is another
/// package; [`Error::Malformed`] when it is none.
pub(crate) fn verify(package: &Package, keys: &PackageKeys) -> Result<Option<Warning>> {
    let PackageKeys { keyring, trust } = keys;
    let what = package.candidate().to_string();
    let file = PackageFile::parse(&what, package.bytes())?;
    check_identity(package.candidate(), &file.header)?;
    let at = Moment { now: trust.now, allow_expired: trust.allow_expired };
    match signers(&file, package.bytes(), keyring, at) {
        Ok(signers) => {
            tracing::debug!(%what, ?signers, "signature verified");
            Ok(None)
        }
        Err(reason) if trust.allow_unsigned => {
            let text = format!("NOT VERIFIED, as allowed: {what}: {reason}");
            Ok(Some(Warning::new(Code::Unsigned, what, text)))
        }
        Err(reason) => Err(Error::Untrusted { what, reason, hint: Hint::NameKeys }),
    }
}

/// Whether the header says the same of the package as the index.
fn check_identity(candidate: &Candidate, header: &Header) -> Result<()> {
    let installed = package(header)?;
    let same = |of: &Installed| {
        (&of.name, &of.version, &of.arch) == (&candidate.name, &candidate.version, &candidate.arch)
    };
    if installed.as_ref().is_some_and(same) {
        return Ok(());
    }
    let is =
        installed.map_or("a key".into(), |of| format!("{} {} {}", of.name, of.version, of.arch));
    Err(Error::Untrusted {
        what: candidate.to_string(),
        reason: format!("the package itself says that it is {is}"),
        hint: Hint::OtherMirror,
    })
}

/// Who of the trusted signed the package: the fingerprints of the keys.
///
/// # Errors
///
/// With the reason, in which the signing keys are named, when no trusted key signed it or it is
/// not what was signed.
pub(crate) fn signers(
    package: &PackageFile,
    bytes: &Bytes,
    keys: &Keyring,
    at: Moment,
) -> Result<Vec<String>, String> {
    let over_header = header_signatures(&package.signature)?;
    match payload_digest(package) {
        Some(fits) if !over_header.is_empty() => {
            let signers = any(keys, &package.header_bytes, &over_header, at)?;
            if !fits? {
                return Err("its payload is not the one that was signed".into());
            }
            Ok(signers)
        }
        _ => {
            let over_all: Vec<Vec<u8>> = OVER_ALL
                .iter()
                .filter_map(|tag| package.signature.bin(*tag))
                .map(Into::into)
                .collect();
            if over_all.is_empty() {
                return Err(unsigned(&over_header));
            }
            let start = bytes.len() - package.payload.len() - package.header_bytes.len();
            any(keys, bytes.get(start..).unwrap_or_default(), &over_all, at)
        }
    }
}

fn unsigned(over_header: &[Vec<u8>]) -> String {
    match over_header.is_empty() {
        true => "it is not signed".into(),
        false => "its signature does not cover its payload".into(),
    }
}

/// The signatures over the main header.
fn header_signatures(signature: &Header) -> Result<Vec<Vec<u8>>, String> {
    let old = [Tag::RSAHEADER, Tag::DSAHEADER];
    let mut found: Vec<Vec<u8>> =
        old.iter().filter_map(|tag| signature.bin(*tag)).map(Into::into).collect();
    for text in signature.strings(Tag::OPENPGP).take(MOST) {
        let bytes = STANDARD.decode(text).map_err(|_| "its signature is not in base64")?;
        found.push(bytes);
    }
    Ok(found)
}

/// Whether the payload has the digest that the header has; `None` when the header has none.
fn payload_digest(package: &PackageFile) -> Option<Result<bool, String>> {
    let listed = package.header.text(Tag::PAYLOADDIGEST)?;
    let payload = &package.payload;
    // The numbers of OpenPGP (RFC 9580, 9.5).
    let found = match package.header.number(Tag::PAYLOADDIGESTALGO).unwrap_or(8) {
        8 => hex::encode(Sha256::digest(payload)),
        9 => hex::encode(Sha384::digest(payload)),
        10 => hex::encode(Sha512::digest(payload)),
        other => {
            return Some(Err(format!("the digest of its payload is of a weak kind ({other})")));
        }
    };
    Some(Ok(found.eq_ignore_ascii_case(&listed)))
}

/// Who made one of these signatures over the data: at least one must be good.
fn any(
    keys: &Keyring,
    data: &[u8],
    signatures: &[Vec<u8>],
    at: Moment,
) -> Result<Vec<String>, String> {
    let mut good = Vec::new();
    let mut bad: Vec<String> = Vec::new();
    for signature in signatures {
        match keys.verify(data, signature, at) {
            Ok(signer) => good.push(signer),
            Err(reason) if bad.contains(&reason) => {}
            Err(reason) => bad.push(reason),
        }
    }
    if good.is_empty() { Err(bad.join("; ")) } else { Ok(good) }
}

#[cfg(test)]
#[path = "tests/verify.rs"]
mod tests;
