import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.codelibs.opensearch.runner.node.OpenSearchRunnerNode;
import org.opensearch.analysis.common.CommonAnalysisModulePlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.painless.PainlessModulePlugin;
import org.opensearch.transport.Netty4ModulePlugin;

/** One node of a cluster for tests, on this machine only: Node.java FOLDER HTTP_PORT NUMBER NODES. */
public class Node {
    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]);
        int port = Integer.parseInt(arguments[1]);
        int number = Integer.parseInt(arguments[2]);
        int nodes = Integer.parseInt(arguments[3]);
        Files.createDirectories(home.resolve("config"));
        // Nodes talk to each other 100 ports above the first one's HTTP.
        List<String> seeds = IntStream.range(0, nodes).mapToObj(n -> "127.0.0.1:" + (port + 100 + n)).toList();
        List<String> names = IntStream.range(0, nodes).mapToObj(n -> "node-" + n).toList();
        Settings settings = Settings.builder()
            .put("cluster.name", "vitrine-tests")
            .put("node.name", "node-" + number)
            .put("path.home", home.toString())
            .put("path.data", home.resolve("data").toString())
            .put("path.logs", home.resolve("logs").toString())
            .put("network.host", "127.0.0.1")
            .put("http.port", port + number)
            .put("transport.port", port + 100 + number)
            .putList("discovery.seed_hosts", seeds)
            .putList("cluster.initial_cluster_manager_nodes", names)
            // A node that was killed is missed within seconds.
            .put("cluster.fault_detection.follower_check.interval", "500ms")
            .put("cluster.fault_detection.follower_check.timeout", "1s")
            .put("cluster.fault_detection.leader_check.interval", "500ms")
            .put("cluster.fault_detection.leader_check.timeout", "1s")
            // The disk of a developer is often nearly full.
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        var environment = InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "node-" + number);
        var plugins = List.of(Netty4ModulePlugin.class, CommonAnalysisModulePlugin.class, PainlessModulePlugin.class);
        var node = new OpenSearchRunnerNode(environment, List.copyOf(plugins));
        node.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception error) {
                error.printStackTrace();
            }
        }));
        Thread.currentThread().join();
    }
}
