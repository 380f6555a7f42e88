// A lane: its slice of the register file, three operand queues, the execution units, and the control that moves
// 64-bit words between them. A micro-operation works on `beats` words of every lane.
//
// Micro-operation: [2:0] unit, [6:3] operation, [8:7] element width, [13:9] vd, [18:14] vs1, [23:19] vs2, [24] masked,
// [25] scalar instead of vs1, [35:26] beats. Units: 0 ALU, 1 MAC int8, 2 MAC int16, 3 MAC int32, 4 FMA, 5 load, 6 store,
// 7 permute.

// Walks through the words of one micro-operation: reads, starts of the units, writes.
module lane_control #(
    parameter WORDS_PER_REGISTER = 4,
    parameter ADDRESS_BITS = 8,
    parameter RESULT_DEPTH = 8
) (
    input clk,
    input rst_n,
    input uop_valid,
    input [35:0] uop,
    output uop_ready,
    output reg [2:0] read_valid,
    output reg [3*ADDRESS_BITS-1:0] read_address,
    input [2:0] read_grant,
    input [2:0] queue_space,
    input [2:0] queue_valid,
    output reg [2:0] queue_pop,
    output reg [7:0] take,
    output [3:0] operation,
    output [1:0] width,
    output use_scalar,
    output masked,
    output [9:0] beat,
    input store_ready,
    input permute_ready,
    output [ADDRESS_BITS-1:0] write_address,
    input write_done,
    input load_granted,
    output load_wanted
);
    localparam [2:0] LOAD = 3'd5;
    localparam [2:0] STORE = 3'd6;
    localparam [2:0] PERMUTE = 3'd7;
    reg busy;
    reg [35:0] current;
    reg [29:0] read_beats;
    reg [9:0] taken_beats;
    reg [9:0] written_beats;
    reg [3:0] in_flight;
    reg [2:0] needed;
    reg start;
    integer i;
    wire [2:0] unit = current[2:0];
    wire [9:0] beats = current[35:26];
    wire finished = (unit == STORE) ? (taken_beats == beats) : (written_beats == beats);
    wire [ADDRESS_BITS-1:0] words = WORDS_PER_REGISTER;
    assign operation = current[6:3];
    assign width = current[8:7];
    assign masked = current[24];
    assign use_scalar = current[25];
    assign beat = written_beats;
    assign uop_ready = !busy;
    assign load_wanted = busy & (unit == LOAD) & (taken_beats != beats) & (in_flight != RESULT_DEPTH);
    assign write_address = current[13:9] * words + written_beats[ADDRESS_BITS-1:0];
    always @(*) begin
        case (unit)
            3'd0: needed = {1'b0, 1'b1, !current[25]};
            LOAD: needed = 3'b000;
            STORE: needed = 3'b100;
            PERMUTE: needed = 3'b010;
            default: needed = {1'b1, 1'b1, !current[25]};
        endcase
        read_address[0 +: ADDRESS_BITS] = current[18:14] * words + read_beats[0 +: ADDRESS_BITS];
        read_address[ADDRESS_BITS +: ADDRESS_BITS] = current[23:19] * words + read_beats[10 +: ADDRESS_BITS];
        read_address[2*ADDRESS_BITS +: ADDRESS_BITS] = current[13:9] * words + read_beats[20 +: ADDRESS_BITS];
        for (i = 0; i < 3; i = i + 1)
            read_valid[i] = busy & needed[i] & queue_space[i] & (read_beats[10*i +: 10] != beats);
        start = busy & (unit != LOAD) & ((queue_valid & needed) == needed) & (in_flight != RESULT_DEPTH)
            & (taken_beats != beats) & (unit != STORE | store_ready) & (unit != PERMUTE | permute_ready);
        queue_pop = start ? needed : 3'd0;
        take = start ? (8'd1 << unit) : 8'd0;
    end
    always @(posedge clk) begin
        if (!rst_n) begin
            busy <= 1'b0;
            in_flight <= 4'd0;
        end else begin
            if (!busy) busy <= uop_valid;
            else if (finished) busy <= 1'b0;
            in_flight <= in_flight + {3'd0, load_granted | (start & unit != STORE)} - {3'd0, write_done};
        end
        if (!busy) begin
            current <= uop;
            read_beats <= 30'd0;
            taken_beats <= 10'd0;
            written_beats <= 10'd0;
        end else begin
            for (i = 0; i < 3; i = i + 1)
                if (read_grant[i]) read_beats[10*i +: 10] <= read_beats[10*i +: 10] + 10'd1;
            if (start | load_granted) taken_beats <= taken_beats + 10'd1;
            if (write_done) written_beats <= written_beats + 10'd1;
        end
    end
endmodule

// Queue of operand words; room is counted when a read is granted, since its word comes a cycle later.
module operand_queue #(
    parameter DEPTH = 4,
    parameter INDEX_BITS = 2
) (
    input clk,
    input rst_n,
    input reserve,
    input push,
    input [63:0] push_data,
    input pop,
    output space,
    output valid,
    output [63:0] data
);
    reg [63:0] words [0:DEPTH-1];
    reg [INDEX_BITS-1:0] head;
    reg [INDEX_BITS-1:0] tail;
    reg [INDEX_BITS:0] held;
    reg [INDEX_BITS:0] reserved;
    assign space = reserved != DEPTH;
    assign valid = held != {(INDEX_BITS + 1){1'b0}};
    assign data = words[head];
    always @(posedge clk) begin
        if (push) words[tail] <= push_data;
        if (!rst_n) begin
            head <= {INDEX_BITS{1'b0}};
            tail <= {INDEX_BITS{1'b0}};
            held <= {(INDEX_BITS + 1){1'b0}};
            reserved <= {(INDEX_BITS + 1){1'b0}};
        end else begin
            if (push) tail <= tail + 1'b1;
            if (pop) head <= head + 1'b1;
            if (push & !pop) held <= held + 1'b1;
            if (pop & !push) held <= held - 1'b1;
            if (reserve & !pop) reserved <= reserved + 1'b1;
            if (pop & !reserve) reserved <= reserved - 1'b1;
        end
    end
endmodule

// Results of all units in one queue towards the register file.
module result_queue #(
    parameter DEPTH = 8,
    parameter INDEX_BITS = 3
) (
    input clk,
    input rst_n,
    input [6:0] valids,
    input [447:0] results,
    output write_valid,
    output [63:0] write_data,
    input write_grant
);
    reg [63:0] words [0:DEPTH-1];
    reg [INDEX_BITS-1:0] head;
    reg [INDEX_BITS-1:0] tail;
    reg [INDEX_BITS:0] held;
    reg [63:0] chosen;
    integer i;
    wire push = |valids;
    assign write_valid = held != {(INDEX_BITS + 1){1'b0}};
    assign write_data = words[head];
    always @(*) begin
        chosen = 64'd0;
        for (i = 0; i < 7; i = i + 1)
            if (valids[i]) chosen = chosen | results[64*i +: 64];
    end
    always @(posedge clk) begin
        if (push) words[tail] <= chosen;
        if (!rst_n) begin
            head <= {INDEX_BITS{1'b0}};
            tail <= {INDEX_BITS{1'b0}};
            held <= {(INDEX_BITS + 1){1'b0}};
        end else begin
            if (push) tail <= tail + 1'b1;
            if (write_grant) head <= head + 1'b1;
            if (push & !write_grant) held <= held + 1'b1;
            if (write_grant & !push) held <= held - 1'b1;
        end
    end
endmodule

// The lane's slice of the mask register: gives the write mask of a beat, takes compare results, counts its set bits.
module mask_slice #(
    parameter BITS = 256,
    parameter INDEX_BITS = 8,
    parameter COUNT_BITS = 9
) (
    input clk,
    input rst_n,
    input restart,
    input masked,
    input [1:0] width,
    input [9:0] beat,
    input compare_valid,
    input [63:0] compare_result,
    output reg [63:0] write_mask,
    output reg [COUNT_BITS-1:0] count
);
    reg [BITS-1:0] mask;
    reg [7:0] chosen;
    reg [9:0] compare_beat;
    integer i;
    wire [12:0] read_place = {beat, 3'd0} >> width;
    wire [12:0] compare_place = {compare_beat, 3'd0} >> width;
    always @(*) begin
        chosen = mask[read_place[INDEX_BITS-1:0] +: 8];
        for (i = 0; i < 64; i = i + 1) write_mask[i] = !masked | chosen[(i / 8) >> width];
        count = {COUNT_BITS{1'b0}};
        for (i = 0; i < BITS; i = i + 1) count = count + {{(COUNT_BITS - 1){1'b0}}, mask[i]};
    end
    always @(posedge clk) begin
        if (!rst_n | restart) compare_beat <= 10'd0;
        else if (compare_valid) compare_beat <= compare_beat + 10'd1;
        if (!rst_n) mask <= {BITS{1'b0}};
        else if (compare_valid)
            for (i = 0; i < 8; i = i + 1)
                if (i < (8 >> width)) mask[compare_place[INDEX_BITS-1:0] + i] <= compare_result[(8 * i) << width];
    end
endmodule

module lane #(
    parameter VLEN = 1024,
    parameter LANES = 4,
    parameter VRF_BANKS = 4,
    parameter COUNT_BITS = 11
) (
    input clk,
    input rst_n,
    input uop_valid,
    input [35:0] uop,
    input [63:0] scalar,
    output uop_ready,
    output store_valid,
    output [63:0] store_data,
    input store_ready,
    output load_wanted,
    input load_granted,
    input load_valid,
    input [63:0] load_data,
    output permute_out_valid,
    output [63:0] permute_out,
    input permute_ready,
    input permute_in_valid,
    input [63:0] permute_in,
    output [63:0] index_data,
    output [COUNT_BITS-1:0] mask_count
);
    localparam WORDS_PER_REGISTER = VLEN / LANES / 64;
    localparam WORDS = 32 * WORDS_PER_REGISTER;
    localparam ADDRESS_BITS = clog2(WORDS);
    localparam BANK_BITS = clog2(VRF_BANKS);
    function integer clog2;
        input [31:0] value;
        begin
            clog2 = 0;
            while ((1 << clog2) < value) clog2 = clog2 + 1;
        end
    endfunction
    wire [2:0] read_valid;
    wire [3*ADDRESS_BITS-1:0] read_address;
    wire [2:0] read_grant;
    wire [2:0] operand_valid;
    wire [191:0] operands;
    wire [2:0] queue_space;
    wire [2:0] queue_valid;
    wire [2:0] queue_pop;
    wire [191:0] queue_data;
    wire [7:0] take;
    wire [3:0] operation;
    wire [1:0] width;
    wire use_scalar;
    wire masked;
    wire [9:0] beat;
    wire [ADDRESS_BITS-1:0] write_address;
    wire write_valid;
    wire write_grant;
    wire [63:0] write_data;
    wire [63:0] write_mask;
    wire [6:0] result_valids;
    wire [447:0] results;
    wire second_fma_valid;
    wire [63:0] a = use_scalar ? scalar : queue_data[63:0];
    wire [63:0] b = queue_data[127:64];
    wire [63:0] c = queue_data[191:128];
    assign index_data = queue_data[63:0];
    assign store_valid = take[6];
    assign store_data = c;
    assign permute_out_valid = take[7];
    assign permute_out = b;
    assign result_valids[5] = load_valid;
    assign results[383:320] = load_data;
    assign result_valids[6] = permute_in_valid;
    assign results[447:384] = permute_in;
    lane_control #(.WORDS_PER_REGISTER(WORDS_PER_REGISTER), .ADDRESS_BITS(ADDRESS_BITS)) control (
        .clk(clk), .rst_n(rst_n), .uop_valid(uop_valid), .uop(uop), .uop_ready(uop_ready), .read_valid(read_valid),
        .read_address(read_address), .read_grant(read_grant), .queue_space(queue_space), .queue_valid(queue_valid),
        .queue_pop(queue_pop), .take(take), .operation(operation), .width(width), .use_scalar(use_scalar),
        .masked(masked), .beat(beat), .store_ready(store_ready), .permute_ready(permute_ready),
        .write_address(write_address), .write_done(write_grant), .load_granted(load_granted), .load_wanted(load_wanted)
    );
    vector_registers #(
        .BANKS(VRF_BANKS), .BANK_BITS(BANK_BITS), .WORDS(WORDS), .ADDRESS_BITS(ADDRESS_BITS)
    ) registers (
        .clk(clk), .rst_n(rst_n), .read_valid(read_valid), .read_address(read_address), .read_grant(read_grant),
        .operand_valid(operand_valid), .operands(operands), .write_valid(write_valid), .write_address(write_address),
        .write_data(write_data), .write_mask(write_mask), .write_grant(write_grant)
    );
    genvar i;
    generate
        for (i = 0; i < 3; i = i + 1) begin : operand
            operand_queue #(.DEPTH(4), .INDEX_BITS(2)) queue (
                .clk(clk), .rst_n(rst_n), .reserve(read_grant[i]), .push(operand_valid[i]),
                .push_data(operands[64*i +: 64]), .pop(queue_pop[i]), .space(queue_space[i]), .valid(queue_valid[i]),
                .data(queue_data[64*i +: 64])
            );
        end
    endgenerate
    lane_alu alu (
        .clk(clk), .rst_n(rst_n), .take(take[0]), .op(operation), .sew(width), .a(b), .b(a), .valid(result_valids[0]),
        .result(results[63:0])
    );
    mac_int8 multiply8 (
        .clk(clk), .rst_n(rst_n), .take(take[1]), .a(a), .b(b), .c(c), .valid(result_valids[1]),
        .result(results[127:64])
    );
    mac_int16 multiply16 (
        .clk(clk), .rst_n(rst_n), .take(take[2]), .a(a), .b(b), .c(c), .valid(result_valids[2]),
        .result(results[191:128])
    );
    mac_int32 multiply32 (
        .clk(clk), .rst_n(rst_n), .take(take[3]), .a(a), .b(b), .c(c), .valid(result_valids[3]),
        .result(results[255:192])
    );
    fma32 fma_low (
        .clk(clk), .rst_n(rst_n), .take(take[4]), .a(a[31:0]), .b(b[31:0]), .c(c[31:0]), .valid(result_valids[4]),
        .result(results[287:256])
    );
    fma32 fma_high (
        .clk(clk), .rst_n(rst_n), .take(take[4]), .a(a[63:32]), .b(b[63:32]), .c(c[63:32]), .valid(second_fma_valid),
        .result(results[319:288])
    );
    result_queue #(.DEPTH(8), .INDEX_BITS(3)) write_back (
        .clk(clk), .rst_n(rst_n), .valids(result_valids), .results(results), .write_valid(write_valid),
        .write_data(write_data), .write_grant(write_grant)
    );
    mask_slice #(.BITS(VLEN / LANES), .INDEX_BITS(clog2(VLEN / LANES)), .COUNT_BITS(COUNT_BITS)) mask (
        .clk(clk), .rst_n(rst_n), .restart(uop_valid), .masked(masked), .width(width), .beat(beat),
        .compare_valid(result_valids[0] & operation[3] & operation[1]), .compare_result(results[63:0]), .write_mask(write_mask), .count(mask_count)
    );
endmodule
