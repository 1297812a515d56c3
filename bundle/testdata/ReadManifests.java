import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.Map;
import java.util.jar.*;

/**
 * Reads file names, one a line, and writes for each what the JDK makes of its main
 * section: {"main": {"name": "value"}} or {"error": "message"}, one line each.
 * A name that ends in .jar is opened as a JAR, any other is a manifest.
 */
class ReadManifests {
    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.US_ASCII);
        for (String path; (path = in.readLine()) != null;) {
            try {
                var line = new StringBuilder("{\"main\":{");
                var separator = "";
                for (Map.Entry<Object, Object> e : read(path).getMainAttributes().entrySet()) {
                    line.append(separator).append(quote(e.getKey().toString())).append(':').append(quote(e.getValue().toString()));
                    separator = ",";
                }
                out.println(line.append("}}"));
            } catch (IOException e) {
                out.println("{\"error\":" + quote(e.toString()) + "}");
            }
        }
        out.flush();
    }

    static Manifest read(String path) throws IOException {
        if (path.endsWith(".jar")) {
            try (var jar = new JarFile(path)) {
                return jar.getManifest();
            }
        }
        try (var in = Files.newInputStream(Path.of(path))) {
            return new Manifest(in);
        }
    }

    static String quote(String s) {
        var b = new StringBuilder("\"");
        for (char c : s.toCharArray()) {
            if (c < ' ' || c > '~' || c == '"' || c == '\\') {
                b.append(String.format("\\u%04x", (int) c));
            } else {
                b.append(c);
            }
        }
        return b.append('"').toString();
    }
}
