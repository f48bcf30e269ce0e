//! Exports of flat rows, from conversations and from a gateway's records.

use end_to_end::world::{World, organisation};

#[tokio::test]
async fn an_export_of_rows_is_complete_and_intact_whatever_the_source() {
    for source in ["analytics-job", "analytics-query", "export-gateway"] {
        let mut world = World::new(organisation(71, 60)).await;
        let request = world.request(source, r#","slices":2,"records":"normalized""#);

        let manifest = world.export(&request).await;

        let rows = world.archived_ids(&manifest, "recordId").await;
        assert_eq!(rows.len(), 60);
        assert!(rows.values().all(|count| *count == 1));
        world.verify(&manifest.outcome.export_id).await;
    }
}
