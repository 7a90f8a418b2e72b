#![no_main]

#[expect(dead_code, reason = "each target holds one property")]
#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::audit(data));
