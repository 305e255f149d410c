#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| cni_plan_fuzz::change_set::check(bytes));
