package dev.spikewise.model;

import java.util.List;
import java.util.UUID;
import org.springframework.data.domain.Limit;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Query;

interface ModelRepository extends JpaRepository<ModelRow, UUID> {

  /** How much a list of models has to read for one of them. */
  record Size(UUID id, long number, int length) {

    /** About how long the model is in JSON: its definition and what is derived from it. */
    long bytes() {
      return 500L + 3L * length;
    }
  }

  /** Without the definitions, which can be long. */
  @Query(
      """
      select new dev.spikewise.model.ModelRepository$Size(m.id, m.number, length(m.definition))
      from ModelRow m where m.number < :number and (:all = true or m.tenant = :tenant)
      order by m.number desc\
      """)
  List<Size> findBefore(long number, boolean all, String tenant, Limit limit);
}
