-- A constraint that is valid does no harm: the migration before this one drops it.
SELECT 1;
