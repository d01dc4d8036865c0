//! Trust: which keys count, how strictly signatures and dates are checked, and OpenPGP itself.
//!
//! ```text
//! Trust (the caller's settings) ---+
//! keys of the image, of the distribution --> Keyring --verify(text, signature, moment)--> signer
//! ```
//!
//! Metadata and packages are checked in the rooms of their formats; this room says who signed a text,
//! and whether the key counted at that moment.

pub(crate) mod keys;
pub(crate) mod openpgp;
pub(crate) mod policy;
