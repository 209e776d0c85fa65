//! Unique token ids, 22 characters of base 62 as published signers write them.

const LENGTH: usize = 22;
const TEN_DIGITS: u128 = 62_u128.pow(10);
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new id with 122 random bits.
pub(crate) fn new_token_id() -> String {
    in_base_62(uuid::Uuid::new_v4().as_u128())
}

fn in_base_62(mut number: u128) -> String {
    let mut digits = [ALPHABET[0]; LENGTH];
    // Ten digits fit into 64 bits, whose divisions are many times as fast.
    for ten_digits in digits.rchunks_mut(10) {
        let mut part = (number % TEN_DIGITS) as u64;
        number /= TEN_DIGITS;
        for digit in ten_digits.iter_mut().rev() {
            *digit = ALPHABET[(part % 62) as usize];
            part /= 62;
        }
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_every_number_in_22_digits() {
        assert_eq!(in_base_62(0), "0".repeat(LENGTH));
        assert_eq!(in_base_62(61), format!("{}z", "0".repeat(LENGTH - 1)));
        assert_eq!(in_base_62(62), format!("{}10", "0".repeat(LENGTH - 2)));
        assert_eq!(in_base_62(TEN_DIGITS - 1), format!("{}{}", "0".repeat(LENGTH - 10), "z".repeat(10)));
        assert_eq!(in_base_62(TEN_DIGITS), format!("{}1{}", "0".repeat(LENGTH - 11), "0".repeat(10)));
        let largest = in_base_62(u128::MAX);
        let read = largest.bytes().fold(0u128, |sum, digit| {
            let value = ALPHABET.iter().position(|letter| *letter == digit).expect("a digit of the alphabet");
            sum * 62 + value as u128
        });
        assert_eq!((largest.len(), read), (LENGTH, u128::MAX));
    }

    #[test]
    fn ids_differ() {
        assert_ne!(new_token_id(), new_token_id());
    }
}
