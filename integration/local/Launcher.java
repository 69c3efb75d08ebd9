import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;

/**
 * Starts one OpenSearch node from a configuration folder, as any user, without the security manager.
 *
 * Arguments: the home, the configuration folder, and optionally the id of an owner process: when the
 * owner is gone the node stops by itself, so that a killed test run leaves nothing behind.
 */
public final class Launcher {
    public static void main(String[] args) throws Exception {
        Settings paths = Settings.builder().put("path.home", args[0]).build();
        Environment env = InternalSettingsPreparer.prepareEnvironment(
            paths, Map.of(), Path.of(args[1]), () -> "node");
        LogConfigurator.setNodeName(Node.NODE_NAME_SETTING.get(env.settings()));
        LogConfigurator.configure(env);
        if (args.length > 2) {
            ProcessHandle.of(Long.parseLong(args[2])).ifPresentOrElse(
                owner -> owner.onExit().thenRun(() -> System.exit(0)), () -> System.exit(0));
        }
        Node node = new Node(env);
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            } finally {
                closed.countDown();
            }
        }));
        node.start();
        closed.await();
    }
}
