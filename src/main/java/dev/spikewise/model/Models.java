package dev.spikewise.model;

import static java.util.Objects.requireNonNull;

import dev.spikewise.chip.Chip;
import dev.spikewise.chip.Deployability;
import dev.spikewise.compute.Compute;
import dev.spikewise.dataset.Datasets;
import dev.spikewise.interop.PrintedModel;
import dev.spikewise.interop.Safetensors;
import dev.spikewise.interop.Weights;
import dev.spikewise.interop.nir.NirDialect;
import dev.spikewise.interop.nir.NirReader;
import dev.spikewise.interop.nir.NirWriter;
import dev.spikewise.problem.IfMatch;
import dev.spikewise.problem.InvalidSpecException;
import dev.spikewise.problem.Mistakes;
import dev.spikewise.problem.Problem.Code;
import dev.spikewise.problem.ProblemException;
import dev.spikewise.snn.Conversion;
import dev.spikewise.snn.Engine;
import dev.spikewise.snn.tensor.StateDict;
import dev.spikewise.snn.transform.TrainedModel;
import dev.spikewise.spec.ConversionSpec;
import dev.spikewise.spec.InputSpec;
import dev.spikewise.spec.ModelRef;
import dev.spikewise.spec.ModelSpec;
import dev.spikewise.spec.Page;
import dev.spikewise.store.BuildVersion;
import dev.spikewise.store.Content;
import dev.spikewise.store.LargeObjects;
import dev.spikewise.store.Search;
import dev.spikewise.store.StoredJson;
import dev.spikewise.tenant.Quotas;
import dev.spikewise.tenant.Tenants;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Service;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.transaction.support.TransactionOperations;

/** Operations on stored models. */
@Service
public class Models {

  private static final Logger LOG = LoggerFactory.getLogger(Models.class);

  private final ModelRepository models;
  private final JdbcClient jdbc;
  private final WeightsRepository weights;
  private final ObjectProvider<ModelUse> uses;
  private final ObjectProvider<TrainedNetworks> trainedNetworks;
  private final Datasets datasets;
  private final Limits limits;
  private final Tenants tenants;
  private final Quotas quotas;
  private final StoredJson json;
  private final TransactionOperations transactions;
  private final Compute compute;
  private final Workload workload;
  private final BuildVersion build;
  private final LargeObjects objects;

  Models(
      ModelRepository models,
      JdbcClient jdbc,
      WeightsRepository weights,
      ObjectProvider<ModelUse> uses,
      ObjectProvider<TrainedNetworks> trainedNetworks,
      Datasets datasets,
      Limits limits,
      Tenants tenants,
      Quotas quotas,
      StoredJson json,
      TransactionOperations transactions,
      Compute compute,
      Workload workload,
      BuildVersion build,
      LargeObjects objects) {
    this.objects = objects;
    this.models = models;
    this.jdbc = jdbc;
    this.weights = weights;
    this.uses = uses;
    this.trainedNetworks = trainedNetworks;
    this.datasets = datasets;
    this.limits = limits;
    this.tenants = tenants;
    this.quotas = quotas;
    this.json = json;
    this.transactions = transactions;
    this.compute = compute;
    this.workload = workload;
    this.build = build;
  }

  /**
   * A model's definition and weights.
   *
   * @param weights weights; null when they are drawn from the seed
   */
  public record Network(ModelSpec spec, @Nullable StateDict weights) {}

  /**
   * Stores a network without weights.
   *
   * @param definition checked definition
   * @throws InvalidSpecException when it exceeds the maximum size of a document
   */
  @Transactional
  public Model create(ModelSpec definition) {
    return create(definition, new Model.Source(Model.Origin.DEFINITION, null));
  }

  private Model create(ModelSpec definition, Model.Source source) {
    return view(insert(definition, source));
  }

  private ModelRow insert(ModelSpec definition, Model.Source source) {
    var content = json.write(definition);
    int bytes = content.getBytes(StandardCharsets.UTF_8).length;
    var mistakes = new Mistakes();
    limits.checkStored(bytes, mistakes);
    mistakes.throwIfAny();
    quotas.requireBytes(tenants.owner(), bytes);
    var now = Instant.now().truncatedTo(ChronoUnit.MICROS);
    var row = new ModelRow(definition.name(), tenants.owner(), content, source, now);
    row.require(build.number());
    return models.save(row);
  }

  /**
   * Stores the network that a job has trained, with the weights of its last checkpoint.
   *
   * @param naming name and labels; without a name, the model gets the name of the job's model
   */
  public Model createFromJob(UUID job, ModelPatch naming) {
    var trained =
        trainedNetworks
            .getObject()
            .trained(job)
            .orElseThrow(() -> ProblemException.notFound("job", job.toString()));
    var weights = requireNonNull(trained.weights());
    var npz = compute.run(_ -> Weights.writeNpz(weights));
    return add(
        new Trained(trained.spec(), npz), new Model.Source(Model.Origin.TRAINED, job), naming);
  }

  /**
   * Stores the network of a NIR file, weights included.
   *
   * @param dialect dialect of the file: sinabs, norse, snntorch, spikingjelly or lava; null to use
   *     the one that the file states
   */
  public Model createFromNir(byte[] file, @Nullable String dialect) {
    var assumptions = new ArrayList<String>();
    return add(
            compute.run(
                run -> {
                  run.reserve(file.length);
                  var network =
                      NirReader.read(file, dialect == null ? null : dialect(dialect), run::reserve);
                  bound(network.model());
                  assumptions.addAll(network.assumptions());
                  return Trained.of(new TrainedModel(network.model(), network.weights()));
                }),
            new Model.Source(Model.Origin.NIR, null),
            ModelPatch.NONE)
        .assuming(assumptions);
  }

  /** Stores the network in the printed form of a Python module. */
  public Model createFromPrinted(String text, List<Integer> inputShape) {
    var printed =
        compute.run(
            _ -> {
              var parsed = PrintedModel.parse(text, inputShape);
              bound(parsed.model());
              return parsed;
            });
    return requireNonNull(
            transactions.execute(
                _ -> create(printed.model(), new Model.Source(Model.Origin.PRINTED, null))))
        .assuming(printed.assumptions());
  }

  /** Applies the limits of JSON bodies to models from other formats. */
  private void bound(ModelSpec model) {
    var mistakes = new Mistakes();
    limits.check(model, mistakes);
    mistakes.throwIfAny();
  }

  /** The model and its weights as a NIR file for {@code dialect}'s importer. */
  public byte[] nir(UUID id, String dialect) {
    var definition = definition(find(id));
    var npz = weights(id);
    return compute.run(run -> nir(definition, readNpz(npz, run), dialect));
  }

  /**
   * Stores the spiking twin of a network of ReLUs.
   *
   * @throws InvalidSpecException when the network has no weights or cannot be converted
   */
  public Model convert(UUID id, ConversionSpec how) {
    var dataset =
        how.normalize() != null && how.normalize().input() instanceof InputSpec.FromDataset input
            ? datasets.resolve(input)
            : null;
    var definition = definition(find(id));
    var npz = weights(id);
    if (how.normalize() != null) {
      var mistakes = new Mistakes();
      workload.check(definition, how.normalize().samples(), 1, mistakes.in("normalize"), "samples");
      mistakes.throwIfAny();
    }
    return add(
        compute.run(
            run -> {
              try (var engine = Engine.create(1, run)) {
                return Trained.of(
                    Conversion.spiking(trained(definition, npz, run), how, dataset, engine));
              }
            }),
        new Model.Source(Model.Origin.CONVERTED, id),
        ModelPatch.NONE);
  }

  /**
   * Whether the model fits a chip.
   *
   * @param target the chip: speck2f
   */
  public Deployability deployability(UUID id, String target) {
    var chip =
        Arrays.stream(Chip.values())
            .filter(known -> known.word().equals(target))
            .findFirst()
            .orElseThrow(
                () ->
                    new ProblemException(
                        Code.INVALID_PARAMETER,
                        "target must be one of "
                            + Arrays.stream(Chip.values())
                                .map(Chip::word)
                                .collect(Collectors.joining(", "))
                            + " but was "
                            + target));
    var definition = definition(find(id));
    return compute.run(_ -> Deployability.of(definition, chip));
  }

  /** Stores the network without dropout and with batch norms in the weights before them. */
  public Model merge(UUID id) {
    var definition = definition(find(id));
    var npz = weights(id);
    return add(
        compute.run(run -> Trained.of(trained(definition, npz, run).merged())),
        new Model.Source(Model.Origin.MERGED, id),
        ModelPatch.NONE);
  }

  private static TrainedModel trained(ModelSpec definition, byte[] npz, Compute.Run run) {
    return new TrainedModel(definition, Weights.of(definition, readNpz(npz, run)));
  }

  /** Reads weights from an .npz file. */
  private static StateDict readNpz(byte[] npz, Compute.Run run) {
    return Weights.readNpz(npz, run::reserve);
  }

  /** A network in its stored form. */
  private record Trained(ModelSpec spec, byte[] npz) {
    static Trained of(TrainedModel model) {
      return new Trained(model.spec(), Weights.writeNpz(model.weights()));
    }
  }

  private Model add(Trained trained, Model.Source source, ModelPatch naming) {
    var npz = objects.put(trained.npz());
    return requireNonNull(
        transactions.execute(
            _ -> {
              var row = insert(trained.spec(), source);
              var name = naming.name() == null ? row.name() : naming.name();
              row.apply(new ModelPatch(name, naming.labels()));
              store(row, npz, trained.npz().length);
              return view(row);
            }));
  }

  public byte[] safetensors(UUID id) {
    var npz = weights(id);
    return compute.run(run -> Safetensors.write(readNpz(npz, run)));
  }

  public Model setSafetensors(UUID id, byte[] file, IfMatch condition) {
    return setWeights(
        id,
        false,
        condition,
        run -> {
          run.reserve(file.length);
          return Safetensors.read(file);
        });
  }

  /** Writes a network as a NIR file for {@code dialect}'s importer. */
  public static byte[] nir(ModelSpec network, StateDict weights, String dialect) {
    return NirWriter.write(network, weights, dialect(dialect));
  }

  private static NirDialect dialect(String name) {
    return Arrays.stream(NirDialect.values())
        .filter(dialect -> dialect.name().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidSpecException(
                    "/dialect", "must be one of " + Arrays.toString(NirDialect.values())));
  }

  @Transactional(readOnly = true)
  public Model get(UUID id) {
    return view(find(id));
  }

  /**
   * Lists models created before {@code cursor}, newest first. A page of large models may have fewer
   * than {@code limit} entries.
   */
  @Transactional(readOnly = true)
  public Page<Model> list(ModelFilter filter, int limit, long cursor) {
    var where = new StringBuilder("where number < ? and (? or tenant = ?)");
    var values = new ArrayList<Object>(List.of(cursor, tenants.seeAll(), tenants.owner()));
    if (filter.name() != null) {
      where.append(" and name = ?");
      values.add(filter.name());
    }
    if (filter.search() != null) {
      where.append(" and lower(name) like ? escape '\\'");
      values.add(Search.containing(filter.search()));
    }
    if (filter.source() != null) {
      where.append(" and source_id = ?");
      values.add(filter.source());
    }
    filter
        .labels()
        .forEach(
            (label, content) -> {
              where.append(
                  " and id in (select model_id from model_label where label = ? and content = ?)");
              values.add(label);
              values.add(content);
            });
    values.add(limit + 1);
    // Reads sizes first, because definitions can be large.
    var sizes =
        jdbc.sql(
                "select id, number, char_length(definition) from model "
                    + where
                    + " order by number desc limit ?")
            .params(values)
            .query(
                (row, _) -> new Size(row.getObject(1, UUID.class), row.getLong(2), row.getLong(3)))
            .list();
    var page = Page.of(sizes, limit, Size::bytes, Function.identity(), Size::number);
    var rows =
        models.findAllById(page.data().stream().map(Size::id).toList()).stream()
            .sorted(Comparator.comparing(ModelRow::number).reversed())
            .map(this::view)
            .toList();
    return new Page<>(rows, page.nextCursor());
  }

  /** Size of a list entry before it is read. */
  private record Size(UUID id, long number, long length) {

    /** Approximate size of the model in JSON, including its summary, in bytes. */
    long bytes() {
      return 500 + 3 * length;
    }
  }

  /**
   * Changes the name or labels of a model.
   *
   * @param change computes the new values from the current ones
   */
  @Transactional
  public Model change(UUID id, IfMatch condition, UnaryOperator<ModelPatch> change) {
    var row = lock(id);
    condition.require(row.version());
    row.apply(change.apply(new ModelPatch(row.name(), row.labels())));
    models.flush();
    return view(row);
  }

  @Transactional
  public void delete(UUID id, IfMatch condition) {
    var row = lock(id);
    condition.require(row.version());
    if (uses.stream().anyMatch(use -> use.uses(id))) {
      throw new ProblemException(
          Code.CONFLICT, "an unfinished job uses this model: wait for it to finish or cancel it");
    }
    models.delete(row);
  }

  /** Loads a stored model and its weights. */
  public Network network(UUID id) {
    return network(find(id));
  }

  private Network network(ModelRow row) {
    var npz = weights.findById(row.id()).map(ModelWeights::npz).map(objects::read).orElse(null);
    return new Network(definition(row), npz == null ? null : compute.run(run -> readNpz(npz, run)));
  }

  /** Loads the network that {@code ref} (at the pointer "/model") refers to. */
  public Network resolve(ModelRef ref) {
    if (ref.job() != null) {
      return resolveJob(ref.job());
    }
    if (ref.id() == null) {
      return new Network(ref.definition(), null);
    }
    var row =
        parse(ref.id())
            .flatMap(this::visible)
            .orElseThrow(
                () ->
                    new InvalidSpecException(
                        "/model/id",
                        "must be the id of a stored model, but no model has the id " + ref.id()));
    return network(row);
  }

  private Network resolveJob(String job) {
    try {
      return parse(job)
          .flatMap(id -> trainedNetworks.getObject().trained(id))
          .orElseThrow(
              () ->
                  new InvalidSpecException(
                      "/model/job", "must be the id of a job, but no job has the id " + job));
    } catch (ProblemException e) {
      throw new InvalidSpecException(
          "/model/job",
          "must be a job with trained weights, but %s: wait for its first checkpoint"
              .formatted(e.problem().detail()));
    }
  }

  /** Weights as an .npz file. */
  public byte[] weights(UUID id) {
    find(id);
    return weights
        .findById(id)
        .map(ModelWeights::npz)
        .map(objects::read)
        .orElseThrow(
            () ->
                new ProblemException(
                    Code.NOT_FOUND,
                    "model "
                        + id
                        + " has no stored weights: store them with PUT /api/v1/models/"
                        + id
                        + "/weights"));
  }

  /**
   * Replaces the weights by those of an .npz file.
   *
   * @param byOrder whether modules that fit several layers are taken in the order of the layers
   * @throws dev.spikewise.interop.UnreadableFileException when it is not an .npz file
   * @throws InvalidSpecException naming every array that is not part of the definition or is
   *     missing
   */
  public Model setWeights(UUID id, byte[] npz, boolean byOrder, IfMatch condition) {
    return setWeights(id, byOrder, condition, run -> readNpz(npz, run));
  }

  private Model setWeights(
      UUID id, boolean byOrder, IfMatch condition, Compute.Task<StateDict> reading) {
    var definition = definition(find(id));
    var npz =
        compute.run(run -> Weights.writeNpz(Weights.of(definition, reading.compute(run), byOrder)));
    var content = objects.put(npz);
    return requireNonNull(
        transactions.execute(
            _ -> {
              var row = lock(id);
              condition.require(row.version());
              store(row, content, npz.length);
              return view(row);
            }));
  }

  private void store(ModelRow row, Content npz, int bytes) {
    quotas.requireBytes(row.tenant(), bytes);
    if (npz.object() != null) {
      objects.attach(npz.object());
    }
    weights.save(new ModelWeights(row.id(), npz));
    row.changed();
    models.flush();
  }

  private ModelRow lock(UUID id) {
    return models
        .lock(id)
        .filter(row -> tenants.sees(row.tenant()))
        .orElseThrow(() -> ProblemException.notFound("model", id.toString()));
  }

  private ModelRow find(UUID id) {
    return visible(id).orElseThrow(() -> ProblemException.notFound("model", id.toString()));
  }

  private Optional<ModelRow> visible(UUID id) {
    return models.findById(id).filter(row -> tenants.sees(row.tenant()));
  }

  /** The definition of a model. */
  @Transactional(readOnly = true)
  public ModelSpec definition(UUID id) {
    return definition(find(id));
  }

  /**
   * @throws ProblemException with UNAVAILABLE when only a newer process understands the definition
   */
  private ModelSpec definition(ModelRow row) {
    try {
      return json.read(row.definition(), ModelSpec.class);
    } catch (StoredJson.Unreadable e) {
      if (row.leastVersion() <= build.number()) {
        throw e;
      }
      throw new ProblemException(
          Code.UNAVAILABLE,
          "model %s was stored by version %s, and this process has version %s: repeat the request when the upgrade is complete"
              .formatted(
                  row.id(),
                  BuildVersion.text(row.leastVersion()),
                  BuildVersion.text(build.number())));
    }
  }

  private static @Nullable ModelSummary summary(ModelRow row, ModelSpec definition) {
    try {
      return ModelSummary.of(definition);
    } catch (InvalidSpecException e) {
      LOG.error(
          "The summary of model {} cannot be computed; the model is returned without it: {}",
          row.id(),
          e.getMessage());
      return null;
    }
  }

  private Model view(ModelRow row) {
    @Nullable ModelSpec definition = null;
    try {
      definition = definition(row);
    } catch (StoredJson.Unreadable | ProblemException e) {
      LOG.error(
          "The definition of model {} cannot be read; the model is returned without it: {}",
          row.id(),
          e.getMessage());
    }
    return new Model(
        row.id(),
        row.name(),
        definition,
        definition == null ? null : summary(row, definition),
        weights.existsById(row.id()),
        row.labels(),
        row.source(),
        row.createdAt(),
        row.version(),
        null);
  }

  private static Optional<UUID> parse(String id) {
    try {
      return Optional.of(UUID.fromString(id));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
