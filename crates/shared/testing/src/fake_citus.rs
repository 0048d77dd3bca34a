//! A fake of Citus: the extension's catalogue entry, by which the product detects it, and functions that record their
//! calls.

use diesel_async::SimpleAsyncConnection;

use crate::{TestDatabase, template};

/// Creates the fake. Only a superuser may write to the catalogue. `public.citus_calls` contains the calls in order.
pub(crate) const MAKE: &str = "
    SET allow_system_table_mods = on;
    INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    SELECT 4200000000, 'citus', 10, 11, false, '13.2';
    RESET allow_system_table_mods;
    CREATE TABLE public.pg_dist_partition (logicalrelid regclass);
    CREATE TABLE public.citus_calls (number serial, call text);
    CREATE FUNCTION public.create_distributed_table(relation regclass, key text, colocate_with text) RETURNS void
    LANGUAGE sql AS $$
        INSERT INTO public.pg_dist_partition VALUES (relation);
        INSERT INTO public.citus_calls (call) VALUES (format('%s by %s beside %s', relation, key, colocate_with));
    $$;
    CREATE FUNCTION public.create_reference_table(relation regclass) RETURNS void LANGUAGE sql AS $$
        INSERT INTO public.pg_dist_partition VALUES (relation);
        INSERT INTO public.citus_calls (call) VALUES (format('%s on all nodes', relation));
    $$;
    CREATE FUNCTION public.truncate_local_data_after_distributing_table(relation regclass) RETURNS void
    LANGUAGE sql AS $$ INSERT INTO public.citus_calls (call) VALUES (format('truncate %s', relation)) $$";

impl TestDatabase {
    /// Makes the product believe that this database uses Citus, so that it runs its statements for Citus.
    ///
    /// # Panics
    /// If the server does not answer.
    pub async fn pretend_to_be_distributed(&self) {
        if template::is_cut() {
            return;
        }
        let made = self.connect().await.batch_execute(MAKE).await;
        made.expect("the tests' role is a superuser");
    }
}
