package dev.spikewise.job;

import dev.spikewise.spec.EpochMetrics;
import dev.spikewise.store.StoredJson;
import jakarta.persistence.AttributeConverter;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Maps a small record to JSON in a text column. A damaged value is read as absent, so that it does
 * not prevent the job from being claimed, listed, cancelled or deleted.
 */
public abstract class JsonColumn<T> implements AttributeConverter<@Nullable T, @Nullable String> {

  private static final Logger LOG = LoggerFactory.getLogger(JsonColumn.class);

  private final StoredJson json;
  private final Class<T> type;

  private JsonColumn(StoredJson json, Class<T> type) {
    this.json = json;
    this.type = type;
  }

  @Override
  public @Nullable String convertToDatabaseColumn(@Nullable T value) {
    return value == null ? null : json.write(value);
  }

  @Override
  public @Nullable T convertToEntityAttribute(@Nullable String stored) {
    try {
      return stored == null ? null : json.read(stored, type);
    } catch (StoredJson.Unreadable e) {
      LOG.error("A damaged value of a job is treated as absent: {}", e.getMessage());
      return null;
    }
  }

  public static final class OfEpochMetrics extends JsonColumn<EpochMetrics> {
    public OfEpochMetrics(StoredJson json) {
      super(json, EpochMetrics.class);
    }
  }

  public static final class OfVerdict extends JsonColumn<Verdict> {
    public OfVerdict(StoredJson json) {
      super(json, Verdict.class);
    }
  }

  public static final class OfProvenance extends JsonColumn<Provenance> {
    public OfProvenance(StoredJson json) {
      super(json, Provenance.class);
    }
  }
}
