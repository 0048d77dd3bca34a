DROP TABLE access.sign_in_links;
DROP TABLE access.sessions;
DROP DOMAIN access.scope_names;
DROP DOMAIN access.actor_name;
DROP DOMAIN access.secret_hash;
