-- `securenet doctor` compares the migrations that were applied with those it knows, and nothing else of ours: it may see
-- their record, and no row of anybody's. The record is sqlx's, and is not there where migrations are applied by hand.
DO $$
BEGIN
    IF to_regclass('public._sqlx_migrations') IS NOT NULL THEN
        GRANT SELECT ON public._sqlx_migrations TO doctor;
    END IF;
END
$$;
