package dev.spikewise.job;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.spikewise.json.ModelModule;
import dev.spikewise.mpi.MpiException;
import dev.spikewise.mpi.MpiWorld;
import dev.spikewise.snn.Checkpoint;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.Trainer;
import dev.spikewise.snn.data.Dataset;
import dev.spikewise.snn.data.SampleValues;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.snn.world.World;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Preparation;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Statistics;
import dev.spikewise.spec.TrainingSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.core.env.StandardEnvironment;
import sun.misc.Signal;
import sun.misc.SignalHandler;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * Processes started together by an MPI launcher. Process 0 is the service or the command; it sends
 * trainings to the others, and all of them train the same network on their shares of each batch.
 */
public final class WideTraining {

  /** Sent in place of the length of a task to signal the end. */
  private static final long END = -1;

  private static final int PIECE = 1 << 24;

  /**
   * Launchers pass it on to all processes, whereas Open MPI 5 kills them a second after it received
   * SIGTERM.
   */
  private static final Signal DRAIN = new Signal("USR1");

  /** Time that process 0 has to store the failure of a job caused by another process. */
  private static final Duration GRACE = Duration.ofSeconds(20);

  /** Time that process 0 may need to end its job after SIGTERM. */
  private static final Duration MOST_DRAIN = Duration.ofMinutes(5);

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .addModule(new ModelModule())
          .build();

  /** MPI can be initialised only once per process. */
  private static volatile @Nullable WideTraining joined;

  /** Bytes of a greeting: whether the process is equal to process 0, and the name of its host. */
  private static final int GREETING = 1024;

  private final MpiWorld world;

  /** Names of the hosts, by rank. */
  private List<String> hosts = List.of();

  private boolean ended;

  private WideTraining(MpiWorld world) {
    this.world = world;
  }

  /**
   * Connects to the other processes of the launcher. Returns in process 0 and in a process that was
   * started alone; the other processes execute the trainings of process 0 and exit.
   */
  public static void join() {
    try {
      var settings =
          Binder.get(new StandardEnvironment()).bindOrCreate("spikewise.mpi", MpiSettings.class);
      Optional<MpiWorld> world = MpiWorld.join(settings.library(), settings.patience());
      if (world.isEmpty()) {
        return;
      }
      var training = new WideTraining(world.get());
      Signal.handle(DRAIN, world.get().rank() > 0 ? SignalHandler.SIG_IGN : _ -> exit());
      if (world.get().rank() > 0) {
        training.follow();
        System.exit(0);
      }
      training.meet();
      joined = training;
    } catch (MpiException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  /** Does what SIGTERM does, with its exit code, in a thread that may wait for the end of a job. */
  private static void exit() {
    Thread.ofPlatform().name("drain").start(() -> System.exit(128 + 15));
  }

  /** The processes led by this one; empty when it was started alone. */
  static Optional<WideTraining> current() {
    return Optional.ofNullable(joined);
  }

  /** Ends the other processes; does nothing when there are none or they have ended. */
  public static void leave() {
    current().ifPresent(WideTraining::end);
  }

  /** Number of processes. */
  int ranks() {
    return world.size();
  }

  /** For the provenance of results. */
  Provenance.World place() {
    return new Provenance.World(world.size(), hosts, world.library());
  }

  /** Time that process 0 has spent in exchanges, in seconds. */
  double secondsWaited() {
    return world.waitedNanos() / 1e9;
  }

  /** Bytes that process 0 has sent. */
  long sentBytes() {
    return world.sentBytes();
  }

  /** For the log. */
  String description() {
    return world.description();
  }

  /**
   * Ends all processes at once, because one of them has failed and the others would wait for it.
   */
  void abort() {
    world.abort(1);
  }

  /**
   * Creates an engine for a training that starts with {@link #begin} when other processes take
   * part.
   */
  static Engine engineOfProcess(int threads) {
    return current()
        .map(wide -> Engine.create(threads).in(wide.world))
        .orElseGet(() -> Engine.create(threads));
  }

  private synchronized void end() {
    if (!ended) {
      ended = true;
      call(END);
      world.finish();
    }
  }

  /** Properties that all processes must share for bit-identical results. */
  private String identity() {
    try (var engine = Engine.create(1)) {
      var version = WideTraining.class.getPackage().getImplementationVersion();
      return (version == null ? "development" : version) + " with " + engine.kernels() + " kernels";
    }
  }

  private void meet() {
    call(0);
    byte[] mine = identity().getBytes(StandardCharsets.UTF_8);
    broadcast(mine);
    var names = new ArrayList<>(List.of(host()));
    for (int r = 1; r < world.size(); r++) {
      try (var arena = Arena.ofConfined()) {
        var greeting = arena.allocate(GREETING, Integer.BYTES);
        world.exchange(List.of(), List.of(new World.Part(r, greeting)));
        names.add(greeting.getString(Integer.BYTES));
        if (greeting.get(JAVA_INT, 0) == 0) {
          System.err.printf(
              "Rank %d does not run %s as rank 0 does: start the same version on all machines, on"
                  + " processors with the same vector width.%n",
              r, identity());
          world.abort(2);
        }
      }
    }
    hosts = List.copyOf(names);
  }

  private static String host() {
    try {
      var name = InetAddress.getLocalHost().getHostName();
      return name.substring(0, Math.min(255, name.length()));
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }

  private void greet() {
    var first = new String(receiveBytes(), StandardCharsets.UTF_8);
    try (var arena = Arena.ofConfined()) {
      var greeting = arena.allocate(GREETING, Integer.BYTES);
      boolean equal = first.equals(identity());
      if (!equal) {
        System.err.printf(
            "Rank %d runs %s, but rank 0 runs %s.%n", world.rank(), identity(), first);
      }
      greeting.set(JAVA_INT, 0, equal ? 1 : 0);
      greeting.setString(Integer.BYTES, host());
      world.send(greeting, 0);
    }
  }

  /** Wakes the other processes. */
  private void call(long what) {
    try (var arena = Arena.ofConfined()) {
      var message = arena.allocate(JAVA_LONG);
      message.set(JAVA_LONG, 0, what);
      for (int r = 1; r < world.size(); r++) {
        world.send(message, r);
      }
    }
  }

  /**
   * Initial state of a training.
   *
   * @param weights initial weights; drawn from the seed when null
   * @param baseline baseline; measured when null
   * @param checkpoint checkpoint to resume from; null to start with the first epoch
   * @param teacher network of a loss term of type distillation; null without one
   */
  record Task(
      TrainingSpec spec,
      ModelSpec model,
      @Nullable StateDict weights,
      @Nullable Statistics baseline,
      @Nullable Checkpoint checkpoint,
      @Nullable Dataset dataset,
      @Nullable TrainedModel teacher) {

    Trainer trainer(Engine engine) {
      return new Trainer(spec, model, weights, dataset, baseline, teacher, engine);
    }
  }

  /**
   * Makes the other processes build the same trainer. Call {@link #start} afterwards, because they
   * wait for it.
   */
  void begin(Task task, int threads) {
    call(threads);
    broadcast(JSON.writeValueAsBytes(task.spec));
    broadcast(JSON.writeValueAsBytes(task.model));
    broadcast(task.weights == null ? null : Checkpoint.initial(task.weights).toBytes());
    broadcast(task.baseline == null ? null : JSON.writeValueAsBytes(task.baseline));
    broadcast(task.checkpoint == null ? null : task.checkpoint.toBytes());
    send(task.dataset);
    broadcast(task.teacher == null ? null : JSON.writeValueAsBytes(task.teacher.spec()));
    broadcast(task.teacher == null ? null : Checkpoint.initial(task.teacher.weights()).toBytes());
  }

  /**
   * Agrees whether all processes start the training that they built.
   *
   * @param mine whether process 0 starts it
   */
  boolean start(boolean mine) {
    try (var arena = Arena.ofConfined()) {
      var flag = arena.allocate(JAVA_INT);
      flag.set(JAVA_INT, 0, mine ? 1 : 0);
      world.broadcast(flag);
      return flag.get(JAVA_INT, 0) == 1;
    }
  }

  /**
   * Loop of the processes other than 0: executes the trainings of process 0 until it signals the
   * end.
   */
  private void follow() {
    // Ignores SIGTERM, which a launcher sends to all processes, because process 0 still needs the
    // others for its checkpoint.
    var over = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    over.await(MOST_DRAIN.toSeconds(), TimeUnit.SECONDS);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                }));
    try {
      for (long call = called(); call != END; call = called()) {
        if (call == 0) {
          greet();
        } else {
          train((int) call);
        }
      }
      world.finish();
      over.countDown();
    } catch (Throwable e) {
      // Process 0 may fail for the same reason and then reports it in its job.
      System.err.printf("Rank %d failed: %s%n", world.rank(), e);
      try {
        Thread.sleep(GRACE);
      } catch (InterruptedException i) {
        Thread.currentThread().interrupt();
      }
      over.countDown();
      world.abort(1);
    }
  }

  private long called() {
    try (var arena = Arena.ofShared()) {
      var message = arena.allocate(JAVA_LONG);
      world.receiveAtLeisure(message);
      return message.get(JAVA_LONG, 0);
    }
  }

  private void train(int threads) {
    var spec = JSON.readValue(receiveBytes(), TrainingSpec.class);
    var model = JSON.readValue(receiveBytes(), ModelSpec.class);
    byte[] weights = receive();
    byte[] baseline = receive();
    byte[] checkpoint = receive();
    var dataset = receiveDataset();
    byte[] teacher = receive();
    byte[] teaching = receive();
    int most = Math.min(threads, Runtime.getRuntime().availableProcessors());
    try (var engine = Engine.create(most).in(world)) {
      var task =
          new Task(
              spec,
              model,
              weights == null ? null : Checkpoint.fromBytes(weights).weights(),
              baseline == null ? null : JSON.readValue(baseline, Statistics.class),
              checkpoint == null ? null : Checkpoint.fromBytes(checkpoint),
              dataset,
              teacher == null || teaching == null
                  ? null
                  : new TrainedModel(
                      JSON.readValue(teacher, ModelSpec.class),
                      Checkpoint.fromBytes(teaching).weights()));
      Trainer trainer = null;
      RuntimeException thrown = null;
      try {
        trainer = task.trainer(engine);
      } catch (RuntimeException e) {
        // Process 0 has the same failure and does not start the training.
        thrown = e;
      }
      if (start(false)) {
        if (trainer == null) {
          throw thrown == null ? new IllegalStateException("no trainer") : thrown;
        }
        if (task.checkpoint != null) {
          trainer.restore(task.checkpoint);
        }
        trainer.run(_ -> {});
      }
    }
  }

  private void broadcast(byte @Nullable [] bytes) {
    broadcastLength(bytes == null ? -1 : bytes.length);
    if (bytes != null) {
      share(MemorySegment.ofArray(bytes));
    }
  }

  private byte[] receiveBytes() {
    return Objects.requireNonNull(receive());
  }

  private byte @Nullable [] receive() {
    int length = (int) broadcastLength(0);
    if (length < 0) {
      return null;
    }
    var bytes = new byte[length];
    share(MemorySegment.ofArray(bytes));
    return bytes;
  }

  /** Replaces an array by that of process 0; the lengths are equal. */
  private void share(MemorySegment array) {
    try (var arena = Arena.ofShared()) {
      long length = array.byteSize();
      var buffer = arena.allocate(Math.clamp(length, 1, PIECE), Long.BYTES);
      for (long at = 0; at < length; at += PIECE) {
        var piece = array.asSlice(at, Math.min(PIECE, length - at));
        var copy = buffer.asSlice(0, piece.byteSize());
        copy.copyFrom(piece);
        world.broadcast(copy);
        piece.copyFrom(copy);
      }
    }
  }

  private long broadcastLength(long mine) {
    try (var arena = Arena.ofShared()) {
      var number = arena.allocate(JAVA_LONG);
      number.set(JAVA_LONG, 0, mine);
      world.broadcast(number);
      return number.get(JAVA_LONG, 0);
    }
  }

  /** Properties of a data set other than its values. */
  private record Head(
      String name,
      List<Integer> shape,
      int timeSteps,
      int[] labels,
      int trainSize,
      Preparation.@Nullable Augmentation augmentation,
      boolean events,
      int sampleSize,
      int length) {}

  private void send(@Nullable Dataset dataset) {
    if (dataset == null) {
      broadcast((byte[]) null);
      return;
    }
    var values = dataset.values();
    var head =
        new Head(
            dataset.name(),
            dataset.shape().dims(),
            dataset.timeSteps(),
            dataset.labels(),
            dataset.trainSize(),
            dataset.augmentation(),
            values instanceof SampleValues.Events,
            values.sampleSize(),
            values instanceof SampleValues.Dense dense ? dense.values().length : values.samples());
    broadcast(JSON.writeValueAsBytes(head));
    switch (values) {
      case SampleValues.Dense dense -> share(MemorySegment.ofArray(dense.values()));
      case SampleValues.Events events -> {
        var lengths = new int[events.places().length];
        Arrays.setAll(lengths, i -> events.places()[i].length);
        share(MemorySegment.ofArray(lengths));
        for (int[] sample : events.places()) {
          share(MemorySegment.ofArray(sample));
        }
      }
    }
  }

  private @Nullable Dataset receiveDataset() {
    byte[] bytes = receive();
    if (bytes == null) {
      return null;
    }
    var head = JSON.readValue(bytes, Head.class);
    SampleValues values;
    if (head.events) {
      var lengths = new int[head.length];
      share(MemorySegment.ofArray(lengths));
      var places = new int[head.length][];
      for (int i = 0; i < places.length; i++) {
        places[i] = new int[lengths[i]];
        share(MemorySegment.ofArray(places[i]));
      }
      values = new SampleValues.Events(places, head.sampleSize);
    } else {
      var dense = new float[head.length];
      share(MemorySegment.ofArray(dense));
      values = new SampleValues.Dense(dense, head.sampleSize);
    }
    return new Dataset(
        head.name,
        new Shape(head.shape),
        head.timeSteps,
        values,
        head.labels,
        head.trainSize,
        head.augmentation);
  }
}
