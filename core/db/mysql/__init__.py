"""Django's backend of MySQL and MariaDB, without a ping before each request: it connects anew when it has to."""
