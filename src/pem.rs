//! stub until the room lands
#![allow(missing_docs)]
pub struct Block {
    pub label: String,
    pub der: zeroize::Zeroizing<Vec<u8>>,
    pub span: Span,
}
pub struct Span {
    pub first_line: usize,
    pub last_line: usize,
}
#[derive(Debug, thiserror::Error)]
#[error("pem")]
pub struct PemError;
pub const CERTIFICATE: &str = "CERTIFICATE";
pub fn parse(text: &[u8]) -> Result<Vec<Block>, PemError> {
    Ok(pem::parse_many(text)
        .map_err(|_| PemError)?
        .into_iter()
        .map(|p| Block {
            label: p.tag().into(),
            der: p.into_contents().into(),
            span: Span { first_line: 1, last_line: 1 },
        })
        .collect())
}
pub fn encode(label: &str, der: &[u8]) -> zeroize::Zeroizing<String> {
    pem::encode_config(
        &pem::Pem::new(label, der),
        pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
    )
    .into()
}
