//! Unique token ids, 22 characters of base 62 as published signers write them.

const LENGTH: usize = 22;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new id with 122 random bits.
pub(crate) fn new_token_id() -> String {
    in_base_62(uuid::Uuid::new_v4().as_u128())
}

fn in_base_62(mut number: u128) -> String {
    let mut digits = [ALPHABET[0]; LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 62) as usize];
        number /= 62;
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
