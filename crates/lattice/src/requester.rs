//! Who types a command, as the records of operations tell it. It proves nothing, and helps people who read them.

use std::fs;

use crate::environment::Environment;

/// Where Linux tells the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The user and the machine, `ada@engine`, or what is known of both.
pub(crate) fn requester(environment: &Environment) -> Option<String> {
    let variable = |name| environment.text(name).ok().flatten();
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    let machine = fs::read_to_string(HOST_NAME).ok().or_else(|| variable("HOSTNAME"));
    let machine = machine.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    match (user, machine) {
        (Some(user), Some(machine)) => Some(format!("{user}@{machine}")),
        (user, machine) => user.or(machine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_named_first() {
        let told = requester(&[("USER", "ada")].into_iter().collect()).expect("a user is known");
        assert!(told == "ada" || told.starts_with("ada@"), "{told}");
    }
}
