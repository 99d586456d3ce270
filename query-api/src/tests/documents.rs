//! Both OpenAPI documents and their page, without a network.

use super::world::World;

#[actix_web::test]
async fn both_documents_are_served_to_anybody() {
    let world = World::new().await;
    let ours = world.get("", "/openapi/query-api.json").await;
    assert_eq!((ours.status, &ours.json()["openapi"]), (200, &"3.1.0".into()));
    let theirs = world.get("", "/openapi/command-api.json").await;
    assert_eq!((theirs.status, &theirs.json()["info"]["title"]), (200, &"commands".into()));
}

#[actix_web::test]
async fn the_page_and_all_it_loads_come_from_this_server() {
    let world = World::new().await;
    assert_eq!(world.get("", "/docs").await.header("location"), Some("docs/"));
    let page = world.get("", "/docs/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert!(!page.text().contains("http://") && !page.text().contains("https://"));
    for file in ["swagger-ui.css", "index.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js"] {
        assert!(page.text().contains(file), "{file}");
        assert_eq!(world.get("", &format!("/docs/{file}")).await.status, 200, "{file}");
    }
    let script = world.get("", "/docs/swagger-initializer.js").await.text();
    assert!(script.contains("/openapi/query-api.json") && script.contains("/openapi/command-api.json"));
    assert!(!script.contains("https://"));
    assert_eq!(world.get("", "/docs/../../etc/passwd").await.status, 404);
}
