//! Answers for what no route takes: 404 for an unknown path, 405 with `Allow` for an unknown method.
//!
//! Which methods a path has is read from the OpenAPI document, so that the two can never disagree.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};

use super::{Code, Problem};

/// Path patterns and their methods; shared with [`unknown_route`] as `web::Data<Routes>`.
#[derive(Debug, Clone, Default)]
pub struct Routes(BTreeMap<String, String>);

impl Routes {
    /// Every path of the documents; two documents may share a path and then share its `Allow`.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a utoipa::openapi::OpenApi>) -> Self {
        let mut methods: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        for document in documents {
            for (path, item) in &document.paths.paths {
                methods.entry(path.clone()).or_default().extend(methods_of(item));
            }
        }
        Self(
            methods
                .into_iter()
                .map(|(path, mut methods)| {
                    methods.sort_unstable();
                    methods.dedup();
                    (path, methods.join(", "))
                })
                .collect(),
        )
    }

    /// These patterns, too, which no document has; they can be read and nothing else.
    #[must_use]
    pub fn and_pages<'a>(mut self, patterns: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.extend(patterns.into_iter().map(|pattern| (pattern.to_owned(), "GET, HEAD".to_owned())));
        self
    }

    pub fn allow(&self, pattern: &str) -> Option<&str> {
        self.0.get(pattern).map(String::as_str)
    }
}

/// The `default_service` of an app: a known path with an unknown method is 405, all else 404.
pub async fn unknown_route(request: HttpRequest) -> Problem {
    let Some(pattern) = request.match_pattern() else {
        return not_found();
    };
    let problem = Problem::new(Code::MethodNotAllowed);
    match request.app_data::<web::Data<Routes>>() {
        Some(routes) => match routes.allow(&pattern) {
            Some(allow) => problem.allow(allow),
            None => not_found(), // a scope's prefix, say: a pattern without a method is no resource
        },
        None => problem,
    }
}

/// The default service of an app that has no document.
pub async fn not_found_handler() -> Problem {
    not_found()
}

/// The default service of one resource; `allow` names the methods it has (`"GET, PUT"`).
pub fn method_not_allowed(allow: &'static str) -> Problem {
    Problem::new(Code::MethodNotAllowed).allow(allow)
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}

fn methods_of(item: &utoipa::openapi::PathItem) -> impl Iterator<Item = &'static str> {
    [
        ("GET", item.get.is_some()),
        ("HEAD", item.get.is_some() || item.head.is_some()),
        ("PUT", item.put.is_some()),
        ("POST", item.post.is_some()),
        ("DELETE", item.delete.is_some()),
        ("PATCH", item.patch.is_some()),
        ("OPTIONS", item.options.is_some()),
        ("TRACE", item.trace.is_some()),
    ]
    .into_iter()
    .filter_map(|(method, exists)| exists.then_some(method))
}
