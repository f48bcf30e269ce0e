//! The servers refuse whatever differs from an accepted request: they would prove nothing otherwise.

use serde_json::{Value, json};

use super::json::Checked;
use super::request::Request;
use super::server::{Answer, Contract};

/// A request that a contract accepts.
pub(crate) fn post(path: &str, body: &Value) -> Request {
    Request {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into(),
    }
}

/// Asserts that the contract accepts a request with this body, and none that differs from it in one place.
pub(crate) fn assert_strict(contract: &mut impl Contract, path: &str, body: &Value) {
    let accepted = contract.answer(&post(path, body));
    assert!(is_ok(&accepted), "{accepted:?}");
    for changed in changed(body) {
        let answer = contract.answer(&post(path, &changed));
        assert!(answer.is_err(), "accepted {changed}");
    }
    for request in changed_around(&post(path, body)) {
        let served = contract.serves(&request.path);
        assert!(
            !served || contract.answer(&request).is_err(),
            "accepted {request:?}"
        );
    }
}

fn is_ok(answer: &Checked<Answer>) -> bool {
    answer.as_ref().is_ok_and(|answer| answer.status == 200)
}

/// The same body with another method, another content type, a query string, another path.
fn changed_around(request: &Request) -> Vec<Request> {
    let (mut method, mut kind) = (request.clone(), request.clone());
    let (mut query, mut path) = (request.clone(), request.clone());
    "PUT".clone_into(&mut method.method);
    kind.headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    query.query = vec![("page".to_owned(), "1".to_owned())];
    path.path.push('/');
    vec![method, kind, query, path]
}

/// The value with one change each: a value of another type, a field less, an unknown field.
fn changed(value: &Value) -> Vec<Value> {
    let other_types = [json!(true), json!("x"), json!(-1), json!([]), json!({})];
    let is_other = |it: &Value| std::mem::discriminant(it) != std::mem::discriminant(value);
    let mut all: Vec<Value> = other_types.into_iter().filter(is_other).collect();
    match value {
        Value::Object(fields) => {
            let mut more = fields.clone();
            more.insert("unknown".to_owned(), json!(1));
            all.push(more.into());
            for (name, inner) in fields {
                let mut less = fields.clone();
                less.remove(name);
                all.push(less.into());
                all.extend(changed(inner).into_iter().map(|inner| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), inner);
                    fields.into()
                }));
            }
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                all.extend(changed(inner).into_iter().map(|inner| {
                    let mut list = list.clone();
                    list[at] = inner;
                    list.into()
                }));
            }
        }
        _ => {}
    }
    all
}
