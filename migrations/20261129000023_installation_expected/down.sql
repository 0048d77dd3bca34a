DROP DOMAIN installation.expected;
