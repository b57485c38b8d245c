//! The document: the committed OpenAPI document is the generated one.

use longshore_api::openapi;

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == openapi(),
        "docs/openapi.json is out of date; run:\n\n    \
         cargo run -q -p longshore-api --example openapi > docs/openapi.json\n"
    );
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    let document: serde_json::Value = serde_json::from_str(openapi()).expect("the document is JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = 0;
    for part in openapi().split("\"$ref\": \"#").skip(1) {
        let pointer = part.split('"').next().expect("a string ends");
        assert!(document.pointer(pointer).is_some(), "{pointer} is missing");
        references += 1;
    }
    assert!(references > 10, "only {references} references were found");
}
