package dev.spikewise.job;

import jakarta.persistence.LockModeType;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;
import java.util.UUID;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.JpaSpecificationExecutor;
import org.springframework.data.jpa.repository.Lock;
import org.springframework.data.jpa.repository.Query;

interface JobRepository extends JpaRepository<JobRow, UUID>, JpaSpecificationExecutor<JobRow> {

  @Lock(LockModeType.PESSIMISTIC_WRITE)
  @Query("select j from JobRow j where j.id = :id")
  Optional<JobRow> lock(UUID id);

  @Lock(LockModeType.PESSIMISTIC_WRITE)
  @Query("select j from JobRow j where j.id = :id and j.leaseOwner = :owner and j.fence = :fence")
  Optional<JobRow> lockLeased(UUID id, String owner, long fence);

  boolean existsByDatasetIdAndStatusNotIn(String datasetId, Collection<JobState> statuses);

  boolean existsByModelIdAndStatusNotIn(String modelId, Collection<JobState> statuses);

  long countByStatus(JobState status);

  @Query("select min(j.updatedAt) from JobRow j where j.status = :status")
  Optional<Instant> findOldest(JobState status);
}
