// Controller and memory port.

// Activations stream every other cycle, since an accumulator reads in one cycle and writes in the next.
// Commands: 0 load weights, 1 stream activations, 2 drain results, 3 fill weights, 4 fill activations from memory.
module controller #(
    parameter ROWS = 16,
    parameter ADDRESS_BITS = 10,
    parameter MEMORY_ADDRESS_BITS = 40
) (
    input clk,
    input rst_n,
    input command_valid,
    input [2:0] command,
    input [15:0] count,
    input [ADDRESS_BITS-1:0] buffer_base,
    input [MEMORY_ADDRESS_BITS-1:0] memory_base_in,
    input first_pass_in,
    input bank_in,
    input transfer_busy,
    output command_ready,
    output reg restart,
    output reg [ADDRESS_BITS-1:0] base,
    output reg bank,
    output read_weights,
    output read_activations,
    output reg shift_weight,
    output reg use_weight,
    output drain,
    output reg first_pass,
    output reg transfer_start,
    output reg transfer_weights,
    output reg [15:0] transfer_words,
    output reg [MEMORY_ADDRESS_BITS-1:0] memory_base
);
    reg [2:0] state;
    reg [15:0] left;
    reg [15:0] next_left;
    reg last_shift;
    wire active = left != 16'd0;
    wire [15:0] rows = ROWS;
    assign command_ready = !active & !restart & !transfer_busy & !transfer_start;
    assign read_weights = active & (state == 3'd0);
    assign read_activations = active & (state == 3'd1) & left[0];
    assign drain = active & (state == 3'd2);
    always @(posedge clk) begin
        restart <= rst_n & command_valid & command_ready;
        shift_weight <= rst_n & read_weights;
        last_shift <= rst_n & read_weights & (left == 16'd1);
        use_weight <= last_shift;
        transfer_start <= rst_n & command_valid & command_ready & (command > 3'd2);
        if (!rst_n) begin
            left <= 16'd0;
        end else if (command_valid & command_ready) begin
            state <= command;
            next_left <= (command == 3'd0) ? rows : (command > 3'd2) ? 16'd0 : (command == 3'd1) ? {count[14:0], 1'b0} : count;
            base <= buffer_base;
            bank <= bank_in;
            first_pass <= first_pass_in;
            transfer_weights <= command == 3'd3;
            transfer_words <= count;
            memory_base <= memory_base_in;
        end else if (restart) begin
            left <= next_left;
        end else if (active) begin
            left <= left - 16'd1;
        end
    end
endmodule

// Fills buffers from memory, one word for each of TARGETS buffers in turn, and sends results to memory.
module memory_port #(
    parameter TARGETS = 4,
    parameter ADDRESS_BITS = 10,
    parameter MEMORY_ADDRESS_BITS = 40,
    parameter WIDTH = 128
) (
    input clk,
    input rst_n,
    input start,
    input [15:0] words,
    input [ADDRESS_BITS-1:0] base,
    input [MEMORY_ADDRESS_BITS-1:0] memory_base,
    input result_valid,
    input [WIDTH-1:0] result,
    output reg [TARGETS-1:0] fill,
    output reg [ADDRESS_BITS-1:0] fill_address,
    output reg [63:0] fill_data,
    output reg request_valid,
    output reg request_write,
    output reg [MEMORY_ADDRESS_BITS-1:0] request_address,
    output reg [WIDTH-1:0] request_data,
    input request_ready,
    input response_valid,
    input [63:0] response_data,
    output reg busy
);
    reg [15:0] asked;
    reg [15:0] arrived;
    reg [TARGETS-1:0] target;
    reg [ADDRESS_BITS-1:0] place;
    reg [MEMORY_ADDRESS_BITS-1:0] memory_place;
    wire [MEMORY_ADDRESS_BITS-1:0] step = WIDTH / 8;
    wire [MEMORY_ADDRESS_BITS-1:0] eight = 8;
    wire ask = busy & (asked != 16'd0) & (!request_valid | request_ready) & !result_valid;
    wire [TARGETS:0] rotated = {target, target[TARGETS-1]};
    always @(posedge clk) begin
        if (!rst_n) begin
            busy <= 1'b0;
            request_valid <= 1'b0;
            fill <= {TARGETS{1'b0}};
        end else begin
            if (start) busy <= 1'b1;
            else if (response_valid & (arrived == 16'd1)) busy <= 1'b0;
            if (ask | result_valid) request_valid <= 1'b1;
            else if (request_ready) request_valid <= 1'b0;
            fill <= response_valid ? target : {TARGETS{1'b0}};
        end
        if (start) begin
            asked <= words;
            arrived <= words;
            place <= base;
            target <= {TARGETS{1'b0}} | 1'b1;
            memory_place <= memory_base;
        end else begin
            if (ask | result_valid) memory_place <= memory_place + (result_valid ? step : eight);
            if (ask) asked <= asked - 16'd1;
            if (response_valid) begin
                arrived <= arrived - 16'd1;
                target <= rotated[TARGETS-1:0];
                if (target[TARGETS-1]) place <= place + 1'b1;
            end
        end
        if (ask | result_valid) begin
            request_write <= result_valid;
            request_address <= memory_place;
        end
        if (result_valid) request_data <= result;
        if (response_valid) begin
            fill_address <= place;
            fill_data <= response_data;
        end
    end
endmodule
