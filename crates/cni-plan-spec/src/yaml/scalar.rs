//! What an unquoted scalar means: YAML 1.2.2, section 10.3.2, the core schema.
//!
//! YAML 1.1's `yes`, `no`, `on` and `off` are strings here, as in every 1.2 parser; whoever reads
//! a boolean says so in its hint.

use super::node::Value;

pub(super) fn resolve_plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str, radix: u32| !text.is_empty() && text.chars().all(|digit| digit.is_digit(radix));
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(octal, 8);
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return digits(hexadecimal, 16);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole)
        && all_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| digits(exponent, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_schema() {
        for text in
            ["0", "-1", "+12", "0o17", "0xfF", "1.5", ".5", "1.", "1e3", "1.5E-10", "-.inf", ".nan", "011122223333"]
        {
            assert!(matches!(resolve_plain(text), Value::Number(_)), "{text}");
        }
        for text in ["1s", "10%", "v1", "1_000", "0b1", "1e", "e3", ".", "-", "yes", "off", "1:30", "0o8", "us-west-2"]
        {
            assert!(matches!(resolve_plain(text), Value::Text(_)), "{text}");
        }
        assert!(matches!(resolve_plain("~"), Value::Null));
        assert!(matches!(resolve_plain("True"), Value::Bool(true)));
    }
}
