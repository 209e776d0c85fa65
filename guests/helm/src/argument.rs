//! What an operation is told: a map, whose texts and maps are borrowed from the payload.

use std::cell::RefCell;
use std::rc::Rc;

use lattice_guest::lattice_control::{Code, ControlError, LatticeControl};
use lattice_guest::msgpack::{argument, Value};

/// What is meant where no lattice, link or link name is said.
const DEFAULT: &str = "default";

/// The argument of an operation, or a map inside of one.
///
/// What is wrong with it is noted as it is read, and told before it is used: there is no way to the lattice then.
pub(crate) struct Argument<'a> {
    map: Value<'a>,
    problem: Rc<RefCell<Option<String>>>,
}

impl<'a> Argument<'a> {
    /// Reads the argument of an operation that knows these keys, beside `lattice` and `via`.
    pub(crate) fn read(payload: &'a [u8], known: &[&str]) -> Self {
        let problem = Rc::new(RefCell::new(None));
        match argument(payload) {
            Ok(Value::Nil) => Self { map: Value::map([]), problem },
            Ok(map) => Self { map, problem }.knowing("the argument", &[known, &["lattice", "via"]].concat()),
            Err(error) => Self { map: Value::Nil, problem }.wrong(error.to_string()),
        }
    }

    /// The way to the lattice, over the link that `via` names, if nothing was wrong with what was read.
    pub(crate) fn control(&self) -> Result<LatticeControl<'a>, ControlError> {
        let control = LatticeControl::linked(self.text_or("via", DEFAULT));
        match self.problem.take() {
            Some(text) => Err(ControlError { code: Code::Invalid, text }),
            None => Ok(control),
        }
    }

    pub(crate) fn lattice(&self) -> &'a str {
        self.text_or("lattice", DEFAULT)
    }

    pub(crate) fn link_name(&self) -> &'a str {
        self.text_or("link_name", DEFAULT)
    }

    /// The text under `key`, empty where there is none: whoever gets it knows better what it must be.
    pub(crate) fn text(&self, key: &str) -> &'a str {
        self.text_or(key, "")
    }

    pub(crate) fn text_or(&self, key: &str, default: &'a str) -> &'a str {
        self.text_if_any(key).unwrap_or(default)
    }

    pub(crate) fn text_if_any(&self, key: &str) -> Option<&'a str> {
        self.some(key, "a string", Value::as_str)
    }

    pub(crate) fn number_if_any(&self, key: &str) -> Option<u64> {
        self.some(key, "a whole number from 0", Value::as_u64)
    }

    /// The number under `count`, 0 where there is none.
    pub(crate) fn count_if_any(&self) -> u16 {
        self.some("count", "a whole number from 0 to 65535", |count| count.as_u64()?.try_into().ok()).unwrap_or(0)
    }

    /// The number under `count`, which must be there: of those who would forget it few would mean 0.
    pub(crate) fn count(&self) -> u16 {
        if self.map.get("count").is_none() {
            self.note(String::from("`count` must be a whole number from 0 to 65535"));
        }
        self.count_if_any()
    }

    /// The names and texts of the map under `key`; none where there is no map.
    pub(crate) fn pairs(&self, key: &str) -> Vec<(&'a str, &'a str)> {
        let pair = |(name, value): &(Value<'a>, Value<'a>)| Some((name.as_str()?, value.as_str()?));
        self.some(key, "a map of strings", |map| map.as_map()?.iter().map(pair).collect()).unwrap_or_default()
    }

    /// The map under `key`, which knows these keys.
    pub(crate) fn inner(&self, key: &str, known: &[&str]) -> Self {
        self.inside(key, self.map.get(key).unwrap_or(&Value::Nil), known)
    }

    /// The names and maps of the map under `key`, each of which knows these keys; none where there is no map.
    pub(crate) fn maps_if_any(&self, key: &str, known: &[&str]) -> Option<Vec<(&'a str, Self)>> {
        let entry = |(name, map): &(Value<'a>, Value<'a>)| Some((name.as_str()?, self.inside(key, map, known)));
        self.some(key, "a map of maps", |map| map.as_map()?.iter().map(entry).collect())
    }

    fn inside(&self, key: &str, map: &Value<'a>, known: &[&str]) -> Self {
        Self { map: map.clone(), problem: Rc::clone(&self.problem) }.knowing(&["`", key, "`"].concat(), known)
    }

    fn knowing(self, what: &str, known: &[&str]) -> Self {
        let kind = self.map.kind();
        let entries = match self.map.as_map() {
            Some(entries) => entries,
            None => return self.wrong([what, " must be a map, not ", kind].concat()),
        };
        let mut keys = entries.iter().map(|(key, _)| key.as_str().unwrap_or_else(|| key.kind()));
        match keys.find(|key| !known.contains(key)) {
            Some(unknown) => {
                self.wrong(["unknown key `", unknown, "`, there are `", &known.join("`, `"), "`"].concat())
            }
            None => self,
        }
    }

    fn some<T>(&self, key: &str, expected: &str, read: impl FnOnce(&Value<'a>) -> Option<T>) -> Option<T> {
        let value = self.map.get(key)?;
        let read = read(value);
        if read.is_none() {
            // That a map of other things is no map of these is told best by what is expected.
            let kind = Some(value.kind()).filter(|kind| !expected.starts_with(kind));
            let not = kind.map_or_else(String::new, |kind| [", not ", kind].concat());
            self.note(["`", key, "` must be ", expected, &not].concat());
        }
        read
    }

    fn wrong(self, problem: String) -> Self {
        self.note(problem);
        self
    }

    /// The first problem is the one that is told.
    fn note(&self, problem: String) {
        self.problem.borrow_mut().get_or_insert(problem);
    }
}
