//! key
/// Stub of the algorithms; the real room follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyAlgorithm {
    /// RSA 2048
    Rsa2048,
    /// RSA 3072
    Rsa3072,
    /// RSA 4096
    Rsa4096,
    /// ECDSA on P-256
    #[default]
    EcdsaP256,
    /// ECDSA on P-384
    EcdsaP384,
    /// Ed25519
    Ed25519,
}
