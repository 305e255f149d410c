#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cni_plan_fuzz::policy_document::check(bytes));
