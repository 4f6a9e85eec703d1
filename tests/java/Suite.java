// pgjdbc: prints what it sees, so that two servers can be compared.
// usage: java -cp DRIVER Suite.java URL USER REFUSED_SQL

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Suite {
    static Connection connection;
    static String refused;

    interface Action {
        void run() throws Exception;
    }

    static void say(String what, Object value) {
        System.out.println(what + ": " + value);
    }

    static String state(Action action) {
        try {
            action.run();
            return "done";
        } catch (SQLException error) {
            String state = error.getSQLState();
            return state.equals("42501") || state.equals("42P01") ? "refused" : state;
        } catch (Exception error) {
            return error.toString();
        }
    }

    static String rows(ResultSet result) throws SQLException {
        ResultSetMetaData about = result.getMetaData();
        StringBuilder text = new StringBuilder();
        for (int column = 1; column <= about.getColumnCount(); column++) {
            text.append(about.getColumnLabel(column)).append('/').append(about.getColumnTypeName(column));
            text.append('/').append(about.getTableName(column)).append(' ');
        }
        while (result.next()) {
            text.append('|');
            for (int column = 1; column <= about.getColumnCount(); column++) {
                boolean bytes = about.getColumnType(column) == java.sql.Types.BINARY;
                text.append(bytes ? java.util.Arrays.toString(result.getBytes(column)) : result.getString(column));
                text.append(' ');
            }
        }
        return text.toString();
    }

    static void queries() throws Exception {
        try (Statement statement = connection.createStatement()) {
            say("simple", rows(statement.executeQuery("SELECT id, sku, price FROM products WHERE id < 5 ORDER BY id")));
            statement.execute("SELECT 1 AS a; SELECT 2 AS b");
            say("first of several", rows(statement.getResultSet()));
            say("more", statement.getMoreResults());
            say("second of several", rows(statement.getResultSet()));
        }
        // After five executions the driver prepares on the server, and takes results in binary.
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT id, quantity, placed_at, status FROM orders WHERE id = ?")) {
            for (long number = 1; number <= 12; number++) {
                statement.setLong(1, number);
                say("prepared " + number, rows(statement.executeQuery()));
            }
        }
        try (PreparedStatement statement = connection.prepareStatement(
                "SELECT ?::int, ?::text, ?::numeric, ?::boolean, ?::float8, ?::bytea, ?::int[], ?::timestamp, ?::uuid")) {
            for (int round = 0; round < 7; round++) {
                statement.setInt(1, 7);
                statement.setString(2, "ä ' \\ $");
                statement.setBigDecimal(3, new java.math.BigDecimal("12345.67890"));
                statement.setBoolean(4, true);
                statement.setDouble(5, 0.1);
                statement.setBytes(6, new byte[] {0, -1});
                statement.setArray(7, connection.createArrayOf("int4", new Integer[] {1, null, 3}));
                statement.setTimestamp(8, java.sql.Timestamp.valueOf("2024-02-29 12:34:56.789"));
                statement.setObject(9, java.util.UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"));
                say("types " + round, rows(statement.executeQuery()));
            }
        }
    }

    static void cursors() throws Exception {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(50);
            long sum = 0;
            try (ResultSet result = statement.executeQuery("SELECT id FROM orders ORDER BY id")) {
                while (result.next()) sum += result.getLong(1);
            }
            say("portal by fifties", sum);
        }
        try (Statement statement = connection.createStatement(
                ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            ResultSet result = statement.executeQuery("SELECT id, note FROM scratch WHERE id <= 3 ORDER BY id");
            result.absolute(2);
            result.updateString("note", "changed");
            result.updateRow();
            result.last();
            say("updatable", result.getInt(1) + " " + result.getString(2));
        }
        connection.rollback();
    }

    static void writes() throws Exception {
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO scratch VALUES (?, ?)")) {
            for (int number = 0; number < 200; number++) {
                insert.setInt(1, 8000 + number);
                insert.setString(2, "batch " + number);
                insert.addBatch();
            }
            say("batch", insert.executeBatch().length);
            for (int number : new int[] {8300, 8000, 8301}) {
                insert.setInt(1, number);
                insert.setString(2, "again");
                insert.addBatch();
            }
            say("batch with a duplicate", state(() -> {
                try {
                    insert.executeBatch();
                } catch (BatchUpdateException error) {
                    throw error.getNextException() == null ? error : error.getNextException();
                }
            }));
        }
        connection.rollback();
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate("INSERT INTO scratch VALUES (8400, 'kept')");
            Savepoint savepoint = connection.setSavepoint();
            say("refused", state(() -> statement.executeUpdate(refused)));
            say("aborted", state(() -> statement.executeQuery("SELECT 1")));
            connection.rollback(savepoint);
            say("keys", statement.executeUpdate("INSERT INTO scratch VALUES (8401, 'x')", Statement.RETURN_GENERATED_KEYS));
            say("generated", rows(statement.getGeneratedKeys()));
            say("kept", rows(statement.executeQuery("SELECT * FROM scratch WHERE id >= 8400 ORDER BY id")));
        }
        connection.rollback();
    }

    static void copies() throws Exception {
        CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder rows = new StringBuilder();
        for (int number = 0; number < 500; number++) rows.append(8500 + number).append("\tcopied\n");
        say("copy in", copy.copyIn("COPY scratch FROM STDIN", new StringReader(rows.toString())));
        StringWriter out = new StringWriter();
        say("copy out", copy.copyOut("COPY (SELECT id FROM scratch WHERE id >= 8500 ORDER BY id) TO STDOUT", out));
        say("copied", out.toString().length());
        say("bad copy", state(() -> copy.copyIn("COPY scratch FROM STDIN", new StringReader("x\ty\n"))));
        connection.rollback();
    }

    static void cancels() throws Exception {
        ExecutorService other = Executors.newSingleThreadExecutor();
        try (Statement statement = connection.createStatement()) {
            Future<String> sleep = other.submit(() -> state(() -> statement.executeQuery("SELECT pg_sleep(600)")));
            Thread.sleep(300);
            while (!sleep.isDone()) {
                statement.cancel();
                Thread.sleep(100);
            }
            say("cancelled", sleep.get());
        }
        connection.rollback();
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            say("query timeout", state(() -> statement.executeQuery("SELECT pg_sleep(600)")));
        }
        connection.rollback();
        other.shutdown();
    }

    static void metadata() throws Exception {
        DatabaseMetaData about = connection.getMetaData();
        say("tables", rows(about.getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})));
        say("columns", rows(about.getColumns(null, "public", "orders", "%")));
        say("keys", rows(about.getPrimaryKeys(null, "public", "orders")));
        say("references", rows(about.getImportedKeys(null, "public", "orders")));
        say("indexes", rows(about.getIndexInfo(null, "public", "orders", false, true)));
        say("types", rows(about.getTypeInfo()).length() > 1000);
        say("schemas", rows(about.getSchemas()));
        say("functions", rows(about.getFunctions(null, "pg_catalog", "lower")));
        say("version", about.getDatabaseProductVersion());
    }

    static void modes(String url, Properties properties) throws Exception {
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            properties.setProperty("preferQueryMode", mode);
            try (Connection one = DriverManager.getConnection(url, properties);
                    PreparedStatement statement = one.prepareStatement("SELECT sku FROM products WHERE id = ?")) {
                statement.setInt(1, 3);
                say("mode " + mode, rows(statement.executeQuery()));
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", arguments[1]);
        properties.setProperty("sslmode", "prefer");
        refused = arguments[2];
        connection = DriverManager.getConnection(arguments[0], properties);
        queries();
        cursors();
        writes();
        copies();
        cancels();
        connection.setAutoCommit(true);
        metadata();
        say("valid", connection.isValid(5));
        connection.close();
        modes(arguments[0], properties);
    }
}
