//! Both OpenAPI documents, as the running server gives them to anybody.

use serde_json::Value;

use crate::server::Server;

pub const COMMAND_DOCUMENT: &str = "/openapi/command-api.json";
pub const QUERY_DOCUMENT: &str = "/openapi/query-api.json";

/// One operation of either document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// Whether the document asks for a bearer token.
    pub guarded: bool,
    /// Statuses the document announces.
    pub statuses: Vec<String>,
}

impl Operation {
    /// `GET /v1/findings/{id}`: how tables and audit trail name it.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

pub async fn document(server: &Server, path: &str) -> Value {
    server.client().get(path).await.expect(200).json()
}

/// Both documents as one, as they stand behind one address: a path that both have has the methods of both.
pub async fn merged(server: &Server) -> Value {
    let mut whole = document(server, COMMAND_DOCUMENT).await;
    let other = document(server, QUERY_DOCUMENT).await;
    for (path, item) in other["paths"].as_object().expect("a document has paths") {
        merge(&mut whole["paths"][path], item);
    }
    for (name, schema) in other["components"]["schemas"].as_object().expect("a document has schemas") {
        let known = &mut whole["components"]["schemas"][name];
        assert!(known.is_null() || known == schema, "the documents disagree on {name}");
        *known = schema.clone();
    }
    whole
}

fn merge(into: &mut Value, from: &Value) {
    for (member, value) in from.as_object().expect("a path has operations") {
        into[member] = value.clone();
    }
}

/// Every operation there is, in the order of both documents.
pub async fn operations(server: &Server) -> Vec<Operation> {
    let mut all = Vec::new();
    for path in [COMMAND_DOCUMENT, QUERY_DOCUMENT] {
        all.extend(operations_of(&document(server, path).await));
    }
    all
}

fn operations_of(document: &Value) -> Vec<Operation> {
    const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];
    let paths = document["paths"].as_object().expect("a document has paths");
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.as_object().expect("a path has operations");
        let operations = item.iter().filter(|(method, _)| METHODS.contains(&method.as_str()));
        operations.map(|(method, operation)| operation_of(method, path, operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

fn operation_of(method: &str, path: &str, operation: &Value) -> Operation {
    let responses = operation["responses"].as_object().expect("an operation has responses");
    Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        guarded: operation["security"].as_array().is_some_and(|needs| !needs.is_empty()),
        statuses: responses.keys().cloned().collect(),
    }
}
