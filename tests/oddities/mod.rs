//! Single oddities of certificates, in the words of the forge.

/// What stands for a hexadecimal text in the tables.
const ABBREVIATIONS: &[(&str, &str)] = &[
    ("{p256}", "<30:{ec}<03:0004{x}{y}>>"),
    // The points whose logarithm is 7.
    ("{x}", "8e533b6fa0bf7b4625bb30667c01fb607ef9f8b8a80fef5b300628703187b2a3"),
    ("{y}", "73eb1dbde03318366d069f83a6f5900053c73633cb041b21c55e1a86c1f400b4"),
    (
        "{p224}",
        "<30:<30:{ec-oid}<06:2b81040021>><03:0004db2f6be630e246a5cf7d99b85194b123d487e2d466b94b24a03c3e280f3a30085497f2f6\
         11ee2517b163ef8c53b715d18bb4e4808d02b963>>",
    ),
    (
        "{secp256k1}",
        "<30:<30:{ec-oid}<06:2b8104000a>><03:00045cbdf0646e5db4eaa398f365f2ea7a0e3d419b7e0330e39ce92bddedcac4f9bc6aebca40\
         ba255960a3178d6d861a54dba813d0b813fde7b5a5082628087264da>>",
    ),
    (
        "{x25519}",
        "<30:<30:<06:2b656e>><03:00a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209>>",
    ),
    (
        "{ed448}",
        "<30:<30:<06:2b6571>><03:00e0758a33267939a394fb5ccb202ee851cebc2e89c91ac1289e2bfcddfd9ff9fc5694b0f569d7f7e9da16e1\
         cde9301b29f48128b3cbd1168580>>",
    ),
    ("{ec}", "<30:{ec-oid}<06:2a8648ce3d030107>>"),
    ("{ec-oid}", "<06:2a8648ce3d0201>"),
    ("{rsa}", "<06:2a864886f70d010101>"),
    ("{dsa}", "<06:2a8648ce380401>"),
    ("{cn}", "<06:550403>"),
    ("{ku}", "<06:551d0f>"),
    ("{server}", "<06:2b06010505070301>"),
    ("{true}", "<01:ff>"),
    // a.example.com, example.com, b.example.com
    ("{host}", "612e6578616d706c652e636f6d"),
    ("{domain}", "6578616d706c652e636f6d"),
    ("{other}", "622e6578616d706c652e636f6d"),
];

/// Words of the forge, with abbreviations and elements (`<TAG:CONTENT>`) written out in hexadecimal.
pub(crate) fn written_out(words: &str) -> String {
    let mut text = words.to_owned();
    for (short, long) in ABBREVIATIONS {
        text = text.replace(short, long);
    }
    while let Some(start) = text.rfind('<') {
        let end = start + text[start..].find('>').expect("an element ends");
        let (tag, content) = text[start + 1..end].split_once(':').expect("a tag");
        let length = content.len() / 2;
        assert!(length < 0x80, "an element of these tables is short");
        let element = format!("{tag}{length:02x}{content}");
        text.replace_range(start..=end, &element);
    }
    text
}

/// Every oddity.
pub(crate) fn all() -> Vec<&'static str> {
    lines(include_str!("words.txt")).collect()
}

/// Oddities of signatures: the issuer's key, and the words of what it signs.
pub(crate) fn signatures() -> Vec<(&'static str, &'static str)> {
    lines(include_str!("signatures.txt")).map(|line| line.split_once(' ').expect("a key and words")).collect()
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}
