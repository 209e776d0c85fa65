//! The demo actor that greets.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `Greeter.Greet` | a map with `name`, or the name alone; without a name it greets the world | a map with `greeting` |
//! | `HttpServer.HandleRequest` | the request of contract `wasmcloud:httpserver`; `?name=` names whom to greet | the greeting as a page, or as JSON where the request accepts that |
//! | `MessageSubscriber.HandleMessage` | the message of contract `wasmcloud:messaging`; its body names whom to greet | nothing; the greeting is published to where an answer is expected |
//!
//! It keeps nothing, and asks nothing of its host but that one message.
#![warn(missing_docs, unsafe_op_in_unsafe_fn)]

mod http;
mod message;

use lattice_guest::msgpack::{argument, Value};

lattice_guest::actor! {
    "Greeter.Greet" => greet,
    "HttpServer.HandleRequest" => http::handle_request,
    "MessageSubscriber.HandleMessage" => message::handle_message,
}

fn greet(payload: &[u8]) -> Result<Vec<u8>, String> {
    let argument = argument(payload)?;
    let text = greeting(name(&argument)?);
    Ok(Value::map([("greeting", Value::Str(&text))]).encode())
}

fn name<'a>(argument: &Value<'a>) -> Result<&'a str, String> {
    match argument {
        Value::Nil => Ok(""),
        Value::Str(name) => Ok(name),
        Value::Map(_) => match argument.get("name") {
            None => Ok(""),
            Some(Value::Str(name)) => Ok(name),
            Some(other) => Err(format!("`name` must be a string, not {}", other.kind())),
        },
        other => Err(format!("the argument must be a map with `name`, not {}", other.kind())),
    }
}

fn greeting(name: &str) -> String {
    let name = match name.trim() {
        "" => "World",
        name => name,
    };
    ["Hello, ", name, "!"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lattice_guest::dispatch;

    fn check(argument: Value<'_>, expected: Result<&str, &str>) {
        let expected =
            expected.map(|greeting| Value::map([("greeting", Value::Str(greeting))]).encode()).map_err(String::from);
        assert_eq!(dispatch(OPERATIONS, "Greeter.Greet", &argument.encode()), expected);
    }

    #[test]
    fn greets_whom_it_is_told() {
        check(Value::map([("name", Value::Str("Ada"))]), Ok("Hello, Ada!"));
        check(Value::Str(" Ada "), Ok("Hello, Ada!"));
        check(Value::Str("Zoë 🦀"), Ok("Hello, Zoë 🦀!"));
    }

    #[test]
    fn greets_the_world_without_a_name() {
        for argument in [
            Value::Nil,
            Value::Str(""),
            Value::map([]),
            Value::map([("name", Value::Nil)]),
            Value::map([("other", Value::Uint(1))]),
        ] {
            check(argument, Ok("Hello, World!"));
        }
        assert_eq!(greet(b""), Ok(b"\x81\xa8greeting\xadHello, World!".to_vec()));
    }

    #[test]
    fn says_what_it_cannot_greet() {
        check(Value::map([("name", Value::Uint(1))]), Err("`name` must be a string, not a whole number"));
        check(Value::Array(vec![]), Err("the argument must be a map with `name`, not an array"));
        assert_eq!(greet(b"\x81\xa4na"), Err("the MessagePack ends early at byte 2".into()));
    }

    #[test]
    fn names_its_operations_when_asked_for_another() {
        assert_eq!(
            dispatch(OPERATIONS, "Greeter.Wave", b""),
            Err("unknown operation `Greeter.Wave`, this actor has `Greeter.Greet`, `HttpServer.HandleRequest`, \
                 `MessageSubscriber.HandleMessage`"
                .into())
        );
    }
}
