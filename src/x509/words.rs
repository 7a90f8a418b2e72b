//! What the parsers of certificates stumble over, in plain words: their own errors are for programmers.

use x509_parser::asn1_rs::Error as Asn1Error;
use x509_parser::error::X509Error as ParserError;
use x509_parser::nom;

/// What a parser says of bytes that are not what they should be.
pub(super) fn words(error: &nom::Err<ParserError>) -> &'static str {
    match error {
        nom::Err::Incomplete(_) => CUT_OFF,
        nom::Err::Error(error) | nom::Err::Failure(error) => of_parser(error),
    }
}

/// The same of a structure of ASN.1 alone.
pub(super) fn words_of_asn1(error: &nom::Err<Asn1Error>) -> &'static str {
    match error {
        nom::Err::Incomplete(_) => CUT_OFF,
        nom::Err::Error(error) | nom::Err::Failure(error) => of_asn1(error),
    }
}

const CUT_OFF: &str = "it is cut off";

fn of_parser(error: &ParserError) -> &'static str {
    match error {
        ParserError::InvalidVersion => "its version cannot be read",
        ParserError::InvalidSerial => "its serial number cannot be read",
        ParserError::InvalidAlgorithmIdentifier => "an algorithm in it cannot be read",
        ParserError::InvalidX509Name => "a name in it cannot be read",
        ParserError::InvalidDate => "a date in it cannot be read",
        ParserError::InvalidSPKI => "its public key cannot be read",
        ParserError::InvalidSubjectUID | ParserError::InvalidIssuerUID => {
            "a unique identifier in it cannot be read"
        }
        ParserError::InvalidExtensions => "its extensions cannot be read",
        ParserError::DuplicateExtensions => "an extension stands there twice",
        ParserError::InvalidAttributes => "its attributes cannot be read",
        ParserError::DuplicateAttributes => "an attribute stands there twice",
        ParserError::InvalidSignatureValue => "its signature cannot be read",
        ParserError::InvalidUserCertificate => "a serial number of its entries cannot be read",
        ParserError::InvalidNumber => "a number in it cannot be read",
        ParserError::Der(error) => of_asn1(error),
        _ => "its parts are not where they belong",
    }
}

fn of_asn1(error: &Asn1Error) -> &'static str {
    match error {
        Asn1Error::UnexpectedTag { .. }
        | Asn1Error::UnexpectedClass { .. }
        | Asn1Error::InvalidTag
        | Asn1Error::UnknownTag(_) => {
            "an element of another kind stands where it is read (an ASN.1 tag that is not expected)"
        }
        Asn1Error::Incomplete(_) => CUT_OFF,
        Asn1Error::InvalidLength => "the length of an element is not right",
        Asn1Error::IndefiniteLengthUnexpected => {
            "the length of an element is left open, which DER does not allow"
        }
        Asn1Error::ConstructExpected | Asn1Error::ConstructUnexpected => {
            "an element is made of parts, or not, where it is the other way round"
        }
        Asn1Error::IntegerTooLarge => "a number is too large",
        Asn1Error::IntegerNegative => "a number is negative",
        Asn1Error::BerMaxDepth => "its elements stand too deep in each other",
        Asn1Error::StringInvalidCharset => "a text has characters that it cannot have",
        Asn1Error::InvalidDateTime => "a date in it cannot be read",
        Asn1Error::DerConstraintFailed(_) => {
            "it is not in DER: an element is written in a form that BER alone allows"
        }
        _ => "its parts are not what they should be",
    }
}
