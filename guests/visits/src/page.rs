//! The pages: HTML with its style inside, so that nothing else has to be fetched to see them.

use lattice_guest::escape;

/// What a browser may load for the pages: nothing but what stands in them.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

const STYLE: &str = include_str!("style.css");
const HOME: &str = "<p><a href=\"/\">To the page that counts</a></p>";

/// The page that greets and says how often it was visited, or why it cannot say.
pub(crate) fn greeting(greeting: &str, count: &Result<i64, String>) -> String {
    let count = match count {
        Ok(count) => visited(*count),
        Err(problem) => uncounted(problem),
    };
    let footer = "<p>An actor made this page. The number alone: <a href=\"/count\">/count</a></p>";
    page(greeting, &count, footer)
}

/// The page for paths that have none.
pub(crate) fn missing() -> String {
    page("There is no page here", "<p>This address leads nowhere.</p>", HOME)
}

/// The page for methods that are not answered.
pub(crate) fn not_allowed() -> String {
    page("This cannot be done here", "<p>Only GET and HEAD are answered.</p>", HOME)
}

fn visited(count: i64) -> String {
    format!("<p><strong>{}</strong> {}</p>", count, if count == 1 { "visit" } else { "visits" })
}

fn uncounted(problem: &str) -> String {
    let problem = escape::html(problem.trim_end_matches('.'));
    ["<p role=\"status\">The count of visits is not available: ", &problem, ".</p>"].concat()
}

/// A page; only its heading is plain text, all else is HTML already.
fn page(heading: &str, content: &str, footer: &str) -> String {
    let heading = escape::html(heading);
    [
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<link rel=\"icon\" href=\"data:,\">\n",
        "<title>",
        &heading,
        "</title>\n<style>\n",
        STYLE,
        "</style>\n</head>\n<body>\n<main>\n<h1>",
        &heading,
        "</h1>\n",
        content,
        "\n<footer>",
        footer,
        "</footer>\n</main>\n</body>\n</html>\n",
    ]
    .concat()
}
